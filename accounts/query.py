"""Query parameters: what isn't known or can't be read is 400, so that a typing error doesn't pass for an answer."""

from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

_MOST_DIGITS = 9
PAGING = frozenset({"page", "page_size"})


def refuse_unknown(request: Request, known: Collection[str]) -> None:
    """Raise ParseError (`unknown_parameter`) naming every parameter that is not among `known`."""
    if unknown := sorted(set(request.query_params) - set(known)):
        names = ", ".join(name[:100] for name in unknown[:20])
        raise ParseError(f"Unknown query parameters: {names}.", code="unknown_parameter")


def invalid(name: str, wanted: str) -> ParseError:
    """The error (`invalid_parameter`) for a value that can't be read; `wanted` says what the parameter takes."""
    return ParseError(f"{name} takes {wanted}.", code="invalid_parameter")


def choice(name: str, value: str, allowed: Collection[str]) -> str:
    """`value`, which must be one of `allowed`."""
    if value not in allowed:
        raise invalid(name, f"one of {', '.join(allowed)}")
    return value


def whole_number(name: str, text: str, *, least: int, most: int) -> int:
    """A whole number from `least` to `most`, written in digits."""
    if text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most:
        return int(text)
    raise invalid(name, f"a whole number from {least} to {most}")


def moment(name: str, text: str) -> datetime:
    """A moment, in UTC; the text says its zone. A `+` that arrived as a space is put back."""
    try:
        found = parse_datetime(text.replace(" ", "+"))
        if found is not None and found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # no such day, or beyond the first or the last year
    raise invalid(name, "a moment with its zone, such as 2026-01-31T12:00:00Z")


def number(name: str, text: str) -> int:
    """A whole number from 0 on."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise invalid(name, "a whole number")
    return int(text)


def identifier(name: str, text: str) -> UUID:
    """A UUID."""
    try:
        return UUID(text)
    except ValueError as error:
        raise invalid(name, "a UUID") from error
