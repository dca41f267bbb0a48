"""What can go wrong when a record is written."""


class SpoolFull(Exception):
    """No room for another record, and the policy is to refuse: the prediction must not be acknowledged."""

    code = "spool_full"

    def __init__(self) -> None:
        super().__init__("The spool of prediction records is full.")


class SpoolWriteFailed(Exception):
    """The record could not be written; whatever part of it reached the file was taken back."""

    code = "spool_write_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The prediction record could not be written: {reason}.")


class Overtaken(Exception):
    """A spool file was loaded further by somebody else meanwhile; the bite at hand must be dropped."""
