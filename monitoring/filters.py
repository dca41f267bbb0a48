"""What a page of monitoring is asked to show: a span of time, and which requests. The same words on every page."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.utils import timezone

from monitoring import clients, spans
from monitoring.clients import Client, UnknownClient
from monitoring.models import UNUSUAL, Outcome
from monitoring.spans import Span, UnreadableSpan

FAILED = "failed"
"""Not an outcome but those that are somebody's trouble: refused, failed, timed out, answered by the fallback."""
_MOST_DIGITS = 9


class UnreadableFilter(ValueError):
    """A filter that can't be read; the message says what it takes."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which requests of which time. `version` is a number; None and "" mean every."""

    span: Span
    now: datetime
    version: int | None = None
    client: Client | None = None
    outcome: str = ""
    said: dict[str, str] = field(default_factory=dict)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The outcomes that are meant; empty means all."""
        if self.outcome == FAILED:
            return tuple(UNUSUAL)
        return (self.outcome,) if self.outcome else ()

    @property
    def is_narrow(self) -> bool:
        """Whether anything but the time is chosen."""
        return bool(self.version or self.client or self.outcome)

    def address(self, **changes: str | None) -> str:
        """The query of the same page with some filters changed; None leaves one out."""
        words: dict[str, str | None] = {**self.said, **changes}
        if "window" in changes:
            words |= {"from": None, "to": None}
        kept = {name: text for name, text in words.items() if text}
        return "?" + urlencode(kept) if kept else "?"

    def only(self, **changes: Any) -> "Filters":
        """The same with other values."""
        return replace(self, **changes)


NAMES = ("window", "from", "to", "version", "client", "outcome", "model")


def read(query: Mapping[str, str], *, usual: str = "hour", now: datetime | None = None) -> Filters:
    """The filters in an address. Raises UnreadableFilter, so that a typing error doesn't pass for an answer."""
    now = now or timezone.now()
    try:
        span = spans.read(query, now, usual=usual)
        client = clients.read(query["client"]) if query.get("client") else None
    except (UnreadableSpan, UnknownClient) as error:
        raise UnreadableFilter(str(error)) from error
    outcome = query.get("outcome", "")
    if outcome and outcome != FAILED and outcome not in Outcome.values:
        raise UnreadableFilter(f"There is no such outcome; there are {', '.join((*Outcome.values, FAILED))}.")
    said = {name: query[name] for name in NAMES if query.get(name)}
    # An address that is passed on means the same on every page.
    said["window"] = "" if span.name == spans.CUSTOM else span.name
    return Filters(span, now, _version(query.get("version", "")), client, outcome, said)


def _version(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise UnreadableFilter("A version is chosen by its number.")
    return int(text)


def records(filters: Filters) -> Q:
    """The condition on prediction records."""
    found = Q(created_at__gte=filters.span.since, created_at__lt=filters.span.until)
    if filters.version is not None:
        found &= Q(version__number=filters.version)
    if filters.client is not None:
        found &= clients.in_records(filters.client)
    if filters.outcomes:
        found &= Q(outcome__in=filters.outcomes)
    return found
