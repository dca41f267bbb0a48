"""A job for feedback that came before its prediction: finds the prediction, or gives up and says so."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from monitoring.models import PredictionLog
from monitoring.outcomes import finding, giving
from monitoring.outcomes.errors import FeedbackInvalid
from monitoring.outcomes.items import Given
from monitoring.outcomes.models import Feedback, FeedbackState
from monitoring.outcomes.truth import Told

BITE = 500
SECONDS_BETWEEN = 1.0


def match_waiting() -> bool:
    """Look once for the predictions of the feedback that was not looked at for longest; True when there is more.

    What isn't found within FEEDBACK_WAIT_SECONDS becomes `unknown`. As each look puts a row at the end of the queue,
    any number of ids that nobody ever predicted under hold up no others.
    """
    now = timezone.now()
    due = Feedback.objects.filter(state=FeedbackState.WAITING, sought_at__lte=now - timedelta(seconds=SECONDS_BETWEEN))
    ids = list(due.order_by("sought_at").values_list("pk", flat=True)[:BITE])
    for pk, record, error in _look_for(ids):
        _settle(pk, record, error, now)
    return len(ids) == BITE


def _look_for(ids: list[int]) -> list[tuple[int, PredictionLog | None, FeedbackInvalid | None]]:
    groups: dict[tuple[int | None, tuple[str, ...] | None], list[Feedback]] = {}
    for row in Feedback.objects.filter(pk__in=ids).select_related("by"):
        names = None if row.model_names is None else tuple(row.model_names)
        groups.setdefault((row.by_id, names), []).append(row)
    return [seen for (_, names), rows in groups.items() for seen in _look_as(rows[0].by, names, rows)]


def _look_as(
    user: User | None, names: tuple[str, ...] | None, rows: list[Feedback]
) -> list[tuple[int, PredictionLog | None, FeedbackInvalid | None]]:
    """What the person who gave `rows` may see of their predictions; somebody who is gone sees none."""
    if user is None:
        return [(row.pk, None, None) for row in rows]
    items = [
        Given(Told(row.label, row.value), row.prediction_id, row.subject_id, row.sought_model, row.index)
        for row in rows
    ]
    found, ambiguous = finding.find(items, user=user, model_names=names)
    seen: list[tuple[int, PredictionLog | None, FeedbackInvalid | None]] = []
    for row, item in zip(rows, items, strict=True):
        try:
            finding.refuse_ambiguous(finding.key_of(item), ambiguous)
            seen.append((row.pk, found.get(finding.key_of(item)), None))
        except FeedbackInvalid as error:
            seen.append((row.pk, None, error))
    return seen


def _settle(pk: int, record: PredictionLog | None, error: FeedbackInvalid | None, now: datetime) -> None:
    """Write down what was found of one row, unless another runner did."""
    try:
        with transaction.atomic():
            row = Feedback.objects.select_for_update().filter(pk=pk, state=FeedbackState.WAITING).first()
            if row is None:
                return
            row.sought_at = now
            if error is not None:
                row.state, row.reason = FeedbackState.REFUSED, error.code
            elif record is not None:
                _take(row, record)
            elif now - row.given_at > timedelta(seconds=settings.FEEDBACK_WAIT_SECONDS):
                row.state, row.reason = FeedbackState.UNKNOWN, "not_found"
            row.save()
            giving.settled([row])
    except IntegrityError:
        return  # somebody told about the same prediction at this moment; the next look decides


def _take(row: Feedback, record: PredictionLog) -> None:
    signatures = finding.signatures_of({record.version_id})
    try:
        giving.fill(row, Told(row.label, row.value), record, signatures)
    except FeedbackInvalid as error:
        row.state, row.reason = FeedbackState.REFUSED, error.code
        return
    row.is_current = True
    others = Feedback.objects.select_for_update()
    other = others.filter(~Q(pk=row.pk), prediction_id=record.pk, index=row.index, is_current=True).first()
    if other is None:
        return
    if other.given_at > row.given_at:
        row.state, row.is_current = FeedbackState.REPLACED, False
        return
    other.state, other.is_current = FeedbackState.REPLACED, False
    other.save(update_fields=["state", "is_current"])
