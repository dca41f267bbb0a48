"""The history of a model or a version as people read it: the ledger and the events in one line."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.utils import timezone

from registry import selectors
from registry.models import Deployment, DeploymentAction, ModelVersion, RegisteredModel, VersionEvent

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `lasted` says how long a version was live, empty for other events."""

    at: datetime
    title: str
    version: ModelVersion
    by: str
    note: str
    is_open: bool = False
    lasted: str = ""
    processes: int = 0
    golden_difference: float | None = None


def of_model(model: RegisteredModel, *, limit: int) -> list[Entry]:
    """The newest `limit` entries of a model, in two queries."""
    return _merged(selectors.history(model), selectors.events(model), limit)


def of_version(version: ModelVersion, *, limit: int) -> list[Entry]:
    """The newest `limit` entries of one version, in two queries."""
    entries = selectors.history(version.model).filter(version=version)
    return _merged(entries, selectors.events(version.model, version=version), limit)


def live_at(model: RegisteredModel, at: datetime) -> Entry | None:
    """What was live at that moment."""
    entry = selectors.history(model, at=at).first()
    return _of_ledger(entry, timezone.now()) if entry else None


def _merged(ledger: Any, events: Any, limit: int) -> list[Entry]:
    now = timezone.now()
    found = [_of_ledger(entry, now) for entry in ledger[:limit]] + [_of_event(event) for event in events[:limit]]
    return list(islice(sorted(found, key=lambda entry: entry.at, reverse=True), limit))


def _of_ledger(entry: Deployment, now: datetime) -> Entry:
    proof = entry.proof or {}
    verb = "Rolled back to" if entry.action == DeploymentAction.ROLLBACK else "Activated"
    return Entry(
        at=entry.activated_at,
        title=verb,
        version=entry.version,
        by=str(entry.by),
        note=entry.note,
        is_open=entry.closed_at is None,
        lasted=span((entry.closed_at or now) - entry.activated_at),
        processes=len(proof.get("processes") or ()),
        golden_difference=proof.get("golden_difference"),
    )


def _of_event(event: VersionEvent) -> Entry:
    return Entry(
        at=event.at,
        title=event.get_kind_display(),
        version=event.version,
        by=str(event.by) if event.by else "the platform",
        note=event.note,
    )


def span(length: timedelta) -> str:
    """A length of time in its two largest units: `2 days 3 hours`."""
    rest = max(0, int(length.total_seconds()))
    words: list[str] = []
    for name, seconds in _UNITS:
        count, rest = divmod(rest, seconds)
        if count or words:
            words.append(f"{count} {name}{'' if count == 1 else 's'}" if count else "")
        if len(words) == 2:
            break
    return " ".join(word for word in words if word) or "less than a second"
