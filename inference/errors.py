"""What can go wrong between a payload and an answer. These errors know no HTTP."""

from collections.abc import Callable
from typing import Any


class InputInvalid(Exception):
    """A well-formed request whose values do not fit the model's signature.

    `path` names the cell as the caller wrote it ("instances[3].age"); `row` counts from 0;
    `column` is the signature's name for the column.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        path: str = "",
        row: int | None = None,
        column: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path
        self.row = row
        self.column = column


class PictureTooLarge(InputInvalid):
    """A picture with more bytes or pixels than are decoded."""


class ValidationFailed(Exception):
    """A model version cannot be made ready. `field` names what the owner can change.

    `report` holds what validation had found out by then, None when it was nothing.
    """

    def __init__(
        self, code: str, message: str, *, field: str | None = None, report: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.report = report


class RuntimeUnavailable(Exception):
    """A library that the runtime needs is not installed; the message names the extra to install."""


class ModelExecutionFailed(Exception):
    """The runtime raised while it was predicting."""


class BatchTooLarge(Exception):
    """The request has more rows than the model accepts. `rows` came, `limit` is the cap."""

    code = "batch_too_large"
    status_code = 413

    def __init__(self, *, rows: int, limit: int) -> None:
        super().__init__(f"{rows} rows were sent; this model accepts at most {limit} in one request.")
        self.message = str(self)
        self.details = {"rows": rows, "limit": limit}


class TooManyToExplain(BatchTooLarge):
    """Explanations were asked for more rows than one request may have explained."""

    code = "too_many_to_explain"

    def __init__(self, *, rows: int, limit: int) -> None:
        super().__init__(rows=rows, limit=limit)
        self.message = f"{rows} rows were sent; at most {limit} are explained in one request."


class ActivationFailed(Exception):
    """A serving process couldn't take up the version; nothing was changed."""

    code = "activation_failed"

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class ModelTooLarge(Exception):
    """The model needs more memory than a process keeps for models. `needed_bytes`, `limit_bytes` in the details."""

    code = "model_too_large"

    def __init__(self, name: str, *, needed_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"{name} needs {needed_bytes:,} bytes of memory; a process keeps at most {limit_bytes:,} for models."
        )
        self.message = str(self)
        self.details = {"needed_bytes": needed_bytes, "limit_bytes": limit_bytes}


class ModelOverloaded(Exception):
    """More requests for the model than it can answer in time; nothing was run for this one."""

    code = "model_overloaded"

    def __init__(self, name: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(f"{name} has more requests than it can answer in time. Try again in {retry_after_seconds} s.")
        self.message = str(self)
        self.details = {"retry_after_seconds": retry_after_seconds}


class DeadlineExceeded(Exception):
    """No answer before the model's deadline.

    `ran_seconds`: how long the model itself had been running. `still_runs`: whether it still does; None when it ended.
    `is_noted`: whether the overrun was counted: requests that shared a call share its error.
    """

    code = "deadline_exceeded"
    is_noted = False

    def __init__(
        self,
        name: str,
        *,
        deadline_seconds: float,
        ran_seconds: float = 0.0,
        still_runs: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(f"{name} gave no answer within {deadline_seconds * 1000:.0f} ms.")
        self.message = str(self)
        self.details = {"deadline_ms": round(deadline_seconds * 1000)}
        self.ran_seconds = ran_seconds
        self.still_runs = still_runs
