"""Feedback: what came true, told about a prediction by its id or by whom it was about.

`give` is the door for the API, pages, commands and other apps. Feedback about a prediction that is not in the database
yet waits for it (`outcomes.matching`), so it may be given as soon as the answer is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.models import User
from accounts.principal import Principal
from monitoring.models import Outcome, PredictionLog
from monitoring.outcomes import days, finding, truth
from monitoring.outcomes.errors import FeedbackInvalid, TooMuchFeedback
from monitoring.outcomes.items import Given
from monitoring.outcomes.models import Feedback, FeedbackState, ReviewItem, ReviewState
from monitoring.outcomes.truth import Told

MOST_ITEMS = 1000
_ATTEMPTS = 5
_JUDGED = ("label", "value", "predicted_label", "predicted_value", "score", "log_loss", "brier", "reason")


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item that was not taken, by its place in the call."""

    index: int
    code: str
    message: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a call. `rows` are the feedback by the item's place; None where it was rejected."""

    rows: list[Feedback | None]
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        return sum(row is not None for row in self.rows)

    @property
    def waiting(self) -> int:
        """How many of the accepted ones wait for their prediction to be recorded."""
        return sum(row is not None and row.state == FeedbackState.WAITING for row in self.rows)


def give(*, items: Sequence[Given | FeedbackInvalid], by: User, principal: Principal | None = None) -> Receipt:
    """Take truths about predictions whose data `by` may read: those they asked for, and all of the models they own.

    An item is rejected when it can't be about its prediction; one whose prediction isn't known (or isn't theirs,
    which is not told) is accepted and waits. The last word on a row counts; saying the same again changes nothing.
    Items that are FeedbackInvalid are rejected as they are. At most MOST_ITEMS. Raises TooMuchFeedback.
    """
    if len(items) > MOST_ITEMS:
        raise TooMuchFeedback(count=len(items), limit=MOST_ITEMS)
    names = None if principal is None or principal.model_names is None else sorted(principal.model_names)
    key_id = None if principal is None else principal.key_id
    wanted = {place: item for place, item in enumerate(items) if isinstance(item, Given)}
    records, ambiguous = finding.find(list(wanted.values()), user=by, model_names=names)
    signatures = finding.signatures_of({record.version_id for record in records.values()})
    rows: list[Feedback | None] = [None] * len(items)
    rejected = [_rejected(place, item) for place, item in enumerate(items) if isinstance(item, FeedbackInvalid)]
    for place, item in wanted.items():
        row = Feedback(
            prediction_id=item.prediction_id, index=item.index, subject_id=item.subject_id, sought_model=item.model,
            source=item.source, by=by, api_key_id=key_id, model_names=names,
        )  # fmt: skip
        try:
            finding.refuse_ambiguous(finding.key_of(item), ambiguous)
            fill(row, item.told, records.get(finding.key_of(item)), signatures)
        except FeedbackInvalid as error:
            rejected.append(_rejected(place, error))
        else:
            rows[place] = row
    return Receipt(store(rows), sorted(rejected, key=lambda one: one.index))


def give_one(*, item: Given, by: User, principal: Principal | None = None) -> Feedback:
    """As `give`, for one. Raises FeedbackInvalid where that rejects."""
    receipt = give(items=[item], by=by, principal=principal)
    if receipt.rejected:
        told = receipt.rejected[0]
        raise FeedbackInvalid(told.message, code=told.code, field=told.field)
    row = receipt.rows[0]
    assert row is not None
    return row


def _rejected(place: int, error: FeedbackInvalid) -> Rejected:
    return Rejected(place, error.code, error.message, error.field)


def fill(row: Feedback, told: Told, record: PredictionLog | None, signatures: finding.Signatures) -> None:
    """Put a truth and what it needs of its record on an unsaved row. Raises FeedbackInvalid."""
    row.label, row.value = (None if told.label is None else truth.text_of(told.label)), told.value
    if record is None:
        row.state = FeedbackState.WAITING
        return
    if record.outcome not in finding.ANSWERED or record.version_id is None:
        raise FeedbackInvalid("The request was not answered: there is no prediction.", code="not_answered")
    task, classes = signatures.get(record.version_id, ("", None))
    judged = truth.judge(
        told, task=task, classes=classes, output=record.output, index=row.index, instances=record.instance_count
    )
    for name in _JUDGED:
        setattr(row, name, getattr(judged, name))
    if record.outcome == Outcome.FALLBACK:
        row.reason = "fallback"
    row.prediction_id, row.subject_id = record.pk, record.subject_id
    row.model_id, row.version_id, row.predicted_at = record.model_id, record.version_id, record.created_at
    row.state = FeedbackState.UNCOUNTED if row.reason else FeedbackState.COUNTED


def store(rows: list[Feedback | None]) -> list[Feedback | None]:
    """Save what is new of `rows`; a row that says what is known already is replaced by the one that said so."""
    for attempt in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                return _store(rows)
        except IntegrityError:
            # Somebody else told about the same prediction at the same moment: look again.
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError


def _store(rows: list[Feedback | None]) -> list[Feedback | None]:
    taken = [row for row in rows if row is not None]
    known = _current(taken) | _waiting(taken)
    replaced: list[int] = []
    new: list[Feedback] = []
    stored: list[Feedback | None] = []
    for row in rows:
        before = None if row is None else known.get(_place(row))
        if row is None or (before is not None and _says_the_same(before, row)):
            stored.append(before)
            continue
        row.pk, row.is_current = None, row.state != FeedbackState.WAITING
        if before is not None:
            before.state, before.is_current = FeedbackState.REPLACED, False
            replaced += [before.pk] if before.pk else []
        known[_place(row)] = row
        new.append(row)
        stored.append(row)
    Feedback.objects.filter(pk__in=replaced).update(is_current=False, state=FeedbackState.REPLACED)
    Feedback.objects.bulk_create(new)
    settled(new)
    return stored


def settled(rows: Sequence[Feedback]) -> None:
    """What follows from new feedback, in its transaction: sums to be made again, predictions nobody need review."""
    days.touch(rows)
    judged = {row.prediction_id for row in rows if row.is_current and row.prediction_id}
    ReviewItem.objects.filter(prediction_id__in=judged, state=ReviewState.OPEN).update(state=ReviewState.LABELLED)


_Place = tuple[object, ...]


def _place(row: Feedback) -> _Place:
    """What a row is the last word on: a prediction's row, or, while it waits, what its giver said before."""
    if row.state != FeedbackState.WAITING:
        return ("current", row.prediction_id, row.index)
    return (
        "waiting",
        row.by_id,
        row.prediction_id,
        row.subject_id if not row.prediction_id else "",
        row.sought_model,
        row.index,
    )


def _current(rows: Sequence[Feedback]) -> dict[_Place, Feedback]:
    """What counts of these predictions by now, locked in one order everywhere."""
    ids = {row.prediction_id for row in rows if row.state != FeedbackState.WAITING and row.prediction_id}
    found = Feedback.objects.filter(prediction_id__in=ids, is_current=True).order_by("prediction_id", "index")
    return {_place(row): row for row in found.select_for_update()} if ids else {}


def _waiting(rows: Sequence[Feedback]) -> dict[_Place, Feedback]:
    """What the same person said of the same predictions and subjects before, and still waits."""
    ids = {row.prediction_id for row in rows if row.state == FeedbackState.WAITING and row.prediction_id}
    subjects = {row.subject_id for row in rows if row.state == FeedbackState.WAITING and not row.prediction_id}
    if not (ids or subjects):
        return {}
    meant = Q(prediction_id__in=ids) | Q(prediction_id=None, subject_id__in=subjects)
    found = Feedback.objects.filter(meant, by=rows[0].by, state=FeedbackState.WAITING).order_by("pk")
    return {_place(row): row for row in found.select_for_update()}


def _says_the_same(before: Feedback, row: Feedback) -> bool:
    return (before.label, before.value, before.source, before.state) == (row.label, row.value, row.source, row.state)
