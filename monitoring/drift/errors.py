"""What can stand in the way of looking for drift. These errors know no HTTP."""

from typing import Any


class NoReference(Exception):
    """The version has no reference to compare with."""

    code = "no_reference"


class TooFewRows(Exception):
    """The span holds too few rows for a reference."""

    code = "too_few_rows"

    def __init__(self, *, rows: int, least: int) -> None:
        super().__init__(f"The span holds {rows} usable rows; a reference takes at least {least}.")
        self.details: dict[str, Any] = {"rows": rows, "least": least}


class SpanInvalid(Exception):
    """A span of time that ends before it begins, or is longer than is looked at."""

    code = "span_invalid"
