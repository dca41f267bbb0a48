"""What can go wrong with a batch job. These errors know no HTTP."""

from typing import Any


class BatchError(Exception):
    """Base: a stable `code`, a `message` for people, and `details` (JSON-safe)."""

    code = "batch_error"

    def __init__(self, message: str, *, code: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details = details


class JobNotFound(BatchError):
    """There is no such job, or it is somebody else's."""

    code = "not_found"


class StateForbids(BatchError):
    """The job's present state does not allow it."""

    code = "conflict"


class TooManyJobs(BatchError):
    """The owner has as many jobs or files here as one may have."""

    code = "too_many_jobs"


class InputTooLarge(BatchError):
    """The file is larger than one may be."""

    code = "file_too_large"


class InputRefused(BatchError):
    """The file, or a word about it, can't be what was said."""

    code = "invalid_file"
