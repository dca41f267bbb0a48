"""Counts how often propositions were shown and clicked, a bite at a time, and keeps every count with its time.

The counts are columns of the proposition, so that ranking reads them without adding anything up, and each change is a
row of its own, so that a training sees what was known at the time and not what came later.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from solutions.propositions.features.counts import grown
from solutions.propositions.features.history import EventType
from solutions.propositions.features.matrix import item_click_rate
from solutions.propositions.models import Counting, Interaction, Proposition, PropositionCount

# What is being written now may carry a time of some moments ago.
SETTLE = timedelta(seconds=10)
BITE = timedelta(days=1)
_BATCH = 500


def count_next() -> bool:
    """Count what came since the last time, up to a day of it; False when it is too early or another runner counts."""
    now = timezone.now()
    Counting.objects.get_or_create(pk=1)
    with transaction.atomic():
        row = Counting.objects.select_for_update(skip_locked=_can_skip()).filter(pk=1).first()
        if row is None:
            return False
        since = row.counted_until or _first()
        if since is None or (now - SETTLE) - since < timedelta(seconds=settings.PROPOSITIONS_COUNT_SECONDS):
            return False
        until = min(now - SETTLE, since + BITE)
        changed = _count(since, until, now)
        row.counted_until = until
        row.save(update_fields=["counted_until"])
    return changed > 0 or until < now - SETTLE


def _first() -> datetime | None:
    first = Interaction.objects.order_by("recorded_at", "id").values_list("recorded_at", flat=True).first()
    return None if first is None else first - timedelta(microseconds=1)


def _count(since: datetime, until: datetime, now: datetime) -> int:
    """Add what was recorded in (since, until]; how many propositions changed."""
    new = (
        Interaction.objects.filter(recorded_at__gt=since, recorded_at__lte=until)
        .order_by()
        .values("proposition_id")
        .annotate(
            shown=Count("id", filter=Q(event_type=EventType.IMPRESSION)),
            clicked=Count("id", filter=Q(event_type__in=[EventType.CLICK, EventType.CONVERSION])),
        )
    )
    added = {row["proposition_id"]: (row["shown"], row["clicked"]) for row in new}
    propositions = list(Proposition.objects.filter(pk__in=added))
    for proposition in propositions:
        shown, clicked = added[proposition.pk]
        days = (until - (proposition.counted_at or until)).total_seconds() / 86_400
        proposition.impressions, proposition.clicks = grown(
            proposition.impressions, proposition.clicks, days=days, more_impressions=shown, more_clicks=clicked
        )
        proposition.click_rate = item_click_rate(proposition.impressions, proposition.clicks)
        proposition.counted_at = until
    Proposition.objects.bulk_update(
        propositions, ["impressions", "clicks", "click_rate", "counted_at"], batch_size=_BATCH
    )
    PropositionCount.objects.bulk_create(
        [
            PropositionCount(proposition=one, impressions=one.impressions, clicks=one.clicks, known_at=now)
            for one in propositions
        ],
        batch_size=_BATCH,
    )
    return len(propositions)


def _can_skip() -> bool:
    return transaction.get_connection().features.has_select_for_update_skip_locked
