"""What can go wrong in a solution. A solution's own errors are kinds of these; nothing here knows HTTP."""

from typing import Any


class SolutionError(Exception):
    """Base: a stable `code`, a `message` for people, and `details` (JSON-safe), such as `field` or `path`."""

    code = "solution_error"

    def __init__(self, message: str, *, code: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details = details


class ThingNotFound(SolutionError):
    """The request is about something that does not exist."""

    code = "not_found"


class StateForbids(SolutionError):
    """The present state does not allow it."""

    code = "conflict"


class ValueInvalid(SolutionError):
    """A well-formed request with a value that is not valid; `details` say which (`field`, `path`, `index`)."""

    code = "invalid_value"


class NotAllowed(SolutionError):
    """The caller may not do this."""

    code = "forbidden"


class TooMuch(SolutionError):
    """More than one request may carry; `details` have the `limit`."""

    code = "batch_too_large"


class NoSuchSolution(ThingNotFound):
    """The catalogue has no solution of that name."""


class NotTrained(StateForbids):
    """The solution has no live model that the caller may use."""

    code = "no_active_version"


class TrainingCancelled(Exception):
    """Somebody asked a training to stop."""


class ExtraMissing(SolutionError):
    """A training needs a library that is not installed; the message names the extra."""

    code = "extra_missing"
