"""What a model may be called, and what a reference to one means.

A reference is an id (`12`), a name (`churn`), a name with a version (`churn:3`) or with the alias of what is live
(`churn@production`). Names never consist of digits and never contain `@`, `:` or `/`, so a reference has one meaning.
"""

import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError

NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*")
MAX_LENGTH = 64
RESERVED = frozenset({"upload"})
PRODUCTION = "production"
_REFERENCE = re.compile(
    r"(?:(?P<id>[0-9]{1,18})|(?P<name>[a-z][a-z0-9._-]{0,63}))(?::v?(?P<version>[0-9]{1,9})|@(?P<alias>[a-z]+))?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed reference: the model by id or by name; a version number, or None for what is live."""

    model_id: int | None
    name: str | None
    version: int | None


def validate_name(value: str) -> None:
    """Raise ValidationError unless `value` may name a model."""
    if len(value) > MAX_LENGTH or not NAME.fullmatch(value):
        raise ValidationError(
            "Use lower-case letters, digits and single - _ or . between them, a letter first (at most 64 characters).",
            code="invalid_name",
        )
    if value in RESERVED:
        raise ValidationError("This name is reserved.", code="invalid_name")


def parse(reference: str) -> Reference | None:
    """The parts of a reference, or None when it can't name anything."""
    match = _REFERENCE.fullmatch(reference)
    if match is None or match["alias"] not in (None, PRODUCTION):
        return None
    return Reference(
        model_id=int(match["id"]) if match["id"] else None,
        name=match["name"],
        version=int(match["version"]) if match["version"] else None,
    )
