"""What can go wrong between a payload and an answer. These errors know no HTTP."""

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


class ActivationFailed(Exception):
    """A serving process couldn't take up the version; nothing was changed."""

    code = "activation_failed"

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
