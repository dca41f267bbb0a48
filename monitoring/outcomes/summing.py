"""A job that keeps the sums of feedback up to date: one day of one version per bite."""

from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from monitoring.outcomes import sums
from monitoring.outcomes.models import QualityDay
from registry.leases import LeaseLost

SETTLE_SECONDS = 5.0
"""A day that was summed is left alone this long, so that a stream of feedback doesn't have it summed for each."""


def sum_next() -> bool:
    """Sum one day whose feedback changed; False when there is none."""
    stale = QualityDay.objects.filter(touches__gt=F("summed")).order_by("day", "pk")
    row = QualityDay.claim_one(stale, seconds=settings.JOB_LEASE_SECONDS)
    if row is None:
        return False
    # Before the feedback is read: what changes meanwhile moves `touches` on, and the day is summed again.
    touches = row.touches
    signature = row.version.signature or {}
    labels, stored = sums.of_day(row.version_id, row.day, signature.get("classes"))

    def write(day: QualityDay) -> None:
        now = timezone.now()
        day.labels, day.sums, day.summed, day.summed_at = labels, stored, touches, now
        day.not_before, day.attempts = now + timedelta(seconds=SETTLE_SECONDS), 0
        day.save(update_fields=["labels", "sums", "summed", "summed_at", "not_before", "attempts"])

    try:
        row.finish(write)
    except LeaseLost:
        return True
    return True
