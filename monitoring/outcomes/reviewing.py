"""The review queue: one prediction at a time for each person, the least certain first."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from monitoring import rights
from monitoring.models import PredictionLog
from monitoring.outcomes import giving, items
from monitoring.outcomes.errors import NothingToReview
from monitoring.outcomes.models import Feedback, ReviewItem, ReviewState
from registry.errors import Forbidden
from registry.models import RegisteredModel

SOURCE = "review"
HOLD = timedelta(minutes=5)
"""For so long a prediction is shown to one person only."""
_TRIES = 20


@dataclass(frozen=True)
class Shown:
    """A prediction to judge, with its record."""

    item: ReviewItem
    record: PredictionLog


def may_review(user: User, model: RegisteredModel) -> bool:
    """Whether `user` may judge a model's predictions: who may read their data."""
    return model.owner_id == user.pk or user.has_perm(rights.READ_DATA)


def take(*, model: RegisteredModel, by: User) -> Shown | None:
    """The next prediction for a person, who holds it for a while; None when nothing waits. Raises Forbidden."""
    require(by, model)
    for _ in range(_TRIES):
        item = _hold(model, by)
        if item is None:
            return None
        record = _record(item)
        if record is not None:
            return Shown(item, record)
        # Its record is gone by its retention: nobody can judge it any more.
        _close(item, by=None, state=ReviewState.SKIPPED)
    return None


def judge(*, prediction_id: Any, by: User, label: Any = None, value: Any = None) -> Feedback:
    """A person's judgement becomes feedback with the source `review`, and closes the item.

    Raises FeedbackInvalid; NothingToReview when somebody else closed it; Forbidden.
    """
    item = _open(prediction_id, by)
    given = items.given(prediction_id=item.prediction_id, label=label, value=value, source=SOURCE)
    with transaction.atomic():
        row = giving.give_one(item=given, by=by)
        _close(item, by=by, state=ReviewState.LABELLED)
    return row


def skip(*, prediction_id: Any, by: User) -> None:
    """Nobody is asked about it again. Raises NothingToReview, Forbidden."""
    _close(_open(prediction_id, by), by=by, state=ReviewState.SKIPPED)


def counts(model: RegisteredModel) -> dict[str, int]:
    """How many predictions of a model wait, were labelled and were skipped."""
    found = ReviewItem.objects.filter(model=model).values_list("state").annotate(count=Count("pk")).order_by()
    known = dict(found)
    return {state.value: known.get(state.value, 0) for state in ReviewState}


def open_items(model: RegisteredModel) -> QuerySet[ReviewItem]:
    """What waits, the least certain first."""
    return ReviewItem.objects.filter(model=model, state=ReviewState.OPEN).order_by(
        F("confidence").asc(nulls_last=True), "pk"
    )


def require(by: User, model: RegisteredModel) -> None:
    if not may_review(by, model):
        raise Forbidden("This takes the right to read what the model was asked and answered.")


def _hold(model: RegisteredModel, by: User) -> ReviewItem | None:
    now = timezone.now()
    free = Q(held_until=None) | Q(held_until__lt=now) | Q(held_by=by)
    for item in open_items(model).filter(free)[:_TRIES]:
        mine = ReviewItem.objects.filter(free, pk=item.pk, state=ReviewState.OPEN)
        if mine.update(held_by=by, held_until=now + HOLD):
            return item
    return None


def _record(item: ReviewItem) -> PredictionLog | None:
    records = PredictionLog.objects.select_related("model__owner", "version", "user")
    return records.filter(pk=item.prediction_id, created_at=item.predicted_at).first()


def _open(prediction_id: Any, by: User) -> ReviewItem:
    found = ReviewItem.objects.select_related("model").filter(prediction_id=prediction_id, state=ReviewState.OPEN)
    item = found.first()
    if item is None:
        raise NothingToReview("Somebody else has judged this prediction already.")
    require(by, item.model)
    return item


def _close(item: ReviewItem, *, by: User | None, state: ReviewState) -> None:
    ReviewItem.objects.filter(pk=item.pk).update(
        state=state, decided_by=by, decided_at=timezone.now(), held_by=None, held_until=None
    )
