"""A job that puts predictions into the review queue: the uncertain ones, and some of the others by chance."""

import hashlib
import uuid
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from monitoring.models import Outcome, PredictionLog
from monitoring.outcomes.models import Feedback, ModelWatch, ReviewItem, ReviewReason, ReviewState

BITE = 2000
MOST_OPEN = 1000
"""The most predictions of one model that wait at once; with so many waiting, more help nobody."""
LOOKS_BACK = timedelta(hours=24)
SETTLE = timedelta(seconds=5)
"""Records are loaded a little out of order; what comes later than this is not asked about."""


def queue_next() -> bool:
    """Look at the next records of every model that is watched; True when there is more to look at at once."""
    watches = ModelWatch.objects.filter(Q(review_below__isnull=False) | Q(review_share__isnull=False))
    full = [_look_at(watch) for watch in watches.filter(model__archived_at=None)]
    return any(full)


def _look_at(watch: ModelWatch) -> bool:
    """One bite of one model's records; whether it was a full one."""
    until = timezone.now() - SETTLE
    since = max(watch.reviewed_until or until - LOOKS_BACK, until - LOOKS_BACK)
    records = list(
        PredictionLog.objects.filter(
            model=watch.model_id, created_at__gt=since, created_at__lte=until, outcome=Outcome.OK, instance_count=1,
            version__isnull=False,
        )
        .order_by("created_at").values_list("id", "version_id", "confidence", "created_at")[:BITE]
    )  # fmt: skip
    is_full = len(records) == BITE
    items = [item for record in records if (item := _item(watch, *record)) is not None]
    _queue(watch, items)
    reached = records[-1][3] if is_full else until
    ModelWatch.objects.filter(pk=watch.pk, reviewed_until=watch.reviewed_until).update(reviewed_until=reached)
    return is_full


def _item(
    watch: ModelWatch, pk: uuid.UUID, version_id: int, confidence: float | None, at: datetime
) -> ReviewItem | None:
    is_uncertain = watch.review_below is not None and confidence is not None and confidence < watch.review_below
    if not is_uncertain and not (watch.review_share and lot(pk) < watch.review_share):
        return None
    return ReviewItem(
        prediction_id=pk, model_id=watch.model_id, version_id=version_id, confidence=confidence, predicted_at=at,
        reason=ReviewReason.UNCERTAIN if is_uncertain else ReviewReason.SAMPLED,
    )  # fmt: skip


def lot(prediction_id: uuid.UUID) -> float:
    """A number from 0 to 1 that a prediction draws, the same each time it is looked at."""
    digest = hashlib.blake2b(prediction_id.bytes, digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _queue(watch: ModelWatch, items: list[ReviewItem]) -> None:
    if not items:
        return
    room = MOST_OPEN - ReviewItem.objects.filter(model=watch.model_id, state=ReviewState.OPEN).count()
    told = set(
        Feedback.objects.filter(prediction_id__in=[item.prediction_id for item in items], is_current=True).values_list(
            "prediction_id", flat=True
        )
    )
    wanted = [item for item in items if item.prediction_id not in told]
    ReviewItem.objects.bulk_create(wanted[: max(0, room)], ignore_conflicts=True)
