"""Brings what was captured to the database, and keeps the table bounded."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Greatest, Least
from django.utils import timezone

from accounts import audit, database
from accounts.models import User
from monitoring.error_groups import capture
from monitoring.error_groups.capture import Waiting
from monitoring.error_groups.models import ErrorGroup

KEPT_DAYS = 30
MOST_KEPT = 500
_TEXTS = {
    "message": ("message", 500), "code": ("code", 64), "model": ("model_name", 200), "request_id": ("request_id", 64),
    "process": ("process", 64), "exception": ("trace", 16_000),
}  # fmt: skip


def write() -> int:
    """Write what waits; how many groups were touched. Raises database.Failure, and then everything waits again."""
    taken = capture.take()
    if not taken:
        return 0
    with capture.writing_now():
        try:
            with transaction.atomic():
                # In one order everywhere: processes write at the same time.
                for fingerprint in sorted(taken):
                    _write(fingerprint, taken[fingerprint])
        except database.Failure:
            capture.give_back(taken)
            raise
    return len(taken)


def _write(fingerprint: str, group: Waiting) -> None:
    last = _moment(group.last_at)
    sample = _facts(group)
    if _add(fingerprint, group, last, sample):
        return
    try:
        with transaction.atomic():
            ErrorGroup.objects.create(
                fingerprint=fingerprint, kind=group.kind, place=group.place, count=group.count,
                first_seen_at=_moment(group.first_at), last_seen_at=last, **{"message": "", **sample},
            )  # fmt: skip
    except IntegrityError:
        _add(fingerprint, group, last, sample)


def _add(fingerprint: str, group: Waiting, last: datetime, sample: dict[str, Any]) -> bool:
    """To a group that is known. One that was dealt with has come back."""
    return bool(
        ErrorGroup.objects.filter(fingerprint=fingerprint).update(
            count=F("count") + group.count,
            first_seen_at=Least(F("first_seen_at"), _moment(group.first_at)),
            last_seen_at=Greatest(F("last_seen_at"), last),
            resolved_at=None,
            resolved_by=None,
            **sample,
        )
    )


def _facts(group: Waiting) -> dict[str, str]:
    """The columns of a sample; none for a group that has no new one."""
    if not group.sample:
        return {}
    found = {}
    for name, (column, length) in _TEXTS.items():
        text = str(group.sample.get(name, "")).replace("\x00", "")
        # Of a traceback the end tells most.
        found[column] = text[-length:] if name == "exception" else text[:length]
    return found


def resolve(*, group: ErrorGroup, by: User) -> None:
    """Mark it as dealt with, until it comes again."""
    with transaction.atomic():
        changed = ErrorGroup.objects.filter(pk=group.pk, resolved_at=None).update(
            resolved_at=timezone.now(), resolved_by=by
        )
        if changed:
            audit.record("error.resolved", by=by, target=group)


def prune() -> int:
    """Forget groups not seen for KEPT_DAYS, and the oldest beyond MOST_KEPT; how many."""
    old = ErrorGroup.objects.filter(last_seen_at__lt=timezone.now() - timedelta(days=KEPT_DAYS))
    gone = old.delete()[0]
    kept = ErrorGroup.objects.order_by("-last_seen_at").values_list("pk", flat=True)[:MOST_KEPT]
    if ErrorGroup.objects.count() > MOST_KEPT:
        gone += ErrorGroup.objects.exclude(pk__in=list(kept)).delete()[0]
    return gone


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
