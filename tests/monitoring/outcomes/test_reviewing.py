"""The review queue: what comes into it, who is shown what, and what a judgement does."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import AuditEvent
from monitoring.models import Feedback, ModelWatch, PredictionLog, ReviewItem
from monitoring.outcomes import giving, items, queueing, reviewing, watching
from monitoring.outcomes.errors import FeedbackInvalid, NothingToReview, WatchInvalid
from registry.errors import Forbidden
from registry.models import ModelVersion
from tests.conftest import make_user

pytestmark = pytest.mark.django_db
Predicted = Callable[..., PredictionLog]


@pytest.fixture
def asked(classifier: ModelVersion, predicted: Predicted) -> Callable[..., PredictionLog]:
    """Records a prediction of a minute ago with a confidence."""

    def make(confidence: float, **values: Any) -> PredictionLog:
        at = timezone.now() - timedelta(minutes=1)
        return predicted(classifier, "yes", [1 - confidence, confidence], **{"created_at": at} | values)

    return make


def watch(by: Any, version: ModelVersion, *, below: float | None = 0.7, share: float | None = None) -> ModelWatch:
    return watching.change(model=version.model, by=by, review_below=below, review_share=share)


def queued() -> set[uuid.UUID]:
    return set(ReviewItem.objects.values_list("prediction_id", flat=True))


def test_uncertain_predictions_are_queued_once(ada: Any, classifier: ModelVersion, asked: Any) -> None:
    unsure, sure = asked(0.6), asked(0.9)
    watch(ada, classifier)

    queueing.queue_next()
    ModelWatch.objects.update(reviewed_until=None)
    queueing.queue_next()

    assert queued() == {unsure.pk}
    assert sure.pk not in queued()
    assert ReviewItem.objects.get().reason == "uncertain"


def test_a_share_of_the_others_is_drawn(ada: Any, classifier: ModelVersion, asked: Any) -> None:
    for _ in range(60):
        asked(0.95)
    watch(ada, classifier, below=None, share=0.5)

    queueing.queue_next()

    assert 15 <= len(queued()) <= 45
    assert set(ReviewItem.objects.values_list("reason", flat=True)) == {"sampled"}


@given(pk=st.uuids())
def test_a_prediction_draws_the_same_lot_each_time(pk: uuid.UUID) -> None:
    assert 0.0 <= queueing.lot(pk) < 1.0
    assert queueing.lot(pk) == queueing.lot(uuid.UUID(str(pk)))


def test_batches_cached_answers_and_what_was_told_already_are_not_asked_about(
    ada: Any, classifier: ModelVersion, asked: Any
) -> None:
    asked(0.6, instance_count=2)
    asked(0.6, outcome="cached")
    asked(0.6, outcome="error")
    told = asked(0.6)
    giving.give_one(item=items.given(prediction_id=told.pk, label="no"), by=ada)
    watch(ada, classifier)

    queueing.queue_next()

    assert queued() == set()


def test_the_queue_goes_on_where_it_was(ada: Any, classifier: ModelVersion, asked: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(queueing, "BITE", 2)
    records = [asked(0.6, created_at=timezone.now() - timedelta(minutes=minutes)) for minutes in (9, 8, 7, 6, 5)]
    watch(ada, classifier)

    bites = 1
    while queueing.queue_next():
        bites += 1

    assert bites == 3
    assert queued() == {record.pk for record in records}


def test_a_full_queue_takes_no_more(ada: Any, classifier: ModelVersion, asked: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(queueing, "MOST_OPEN", 3)
    for _ in range(5):
        asked(0.6)
    watch(ada, classifier)

    queueing.queue_next()

    assert len(queued()) == 3


def test_nobody_is_asked_about_what_is_not_watched(ada: Any, classifier: ModelVersion, asked: Any) -> None:
    asked(0.6)
    watch(ada, classifier, below=None)

    queueing.queue_next()

    assert queued() == set()


def test_the_least_certain_comes_first_and_each_person_has_their_own(
    ada: Any, root: Any, classifier: ModelVersion, asked: Any
) -> None:
    second, first = asked(0.65), asked(0.55)
    watch(ada, classifier)
    queueing.queue_next()

    hers = reviewing.take(model=classifier.model, by=ada)
    again = reviewing.take(model=classifier.model, by=ada)
    his = reviewing.take(model=classifier.model, by=root)

    assert hers is not None
    assert again is not None
    assert his is not None
    assert (hers.record.pk, again.record.pk, his.record.pk) == (first.pk, first.pk, second.pk)


def test_who_goes_away_leaves_the_prediction_to_others(
    ada: Any, root: Any, classifier: ModelVersion, asked: Any
) -> None:
    record = asked(0.6)
    watch(ada, classifier)
    queueing.queue_next()
    reviewing.take(model=classifier.model, by=ada)
    assert reviewing.take(model=classifier.model, by=root) is None

    ReviewItem.objects.update(held_until=timezone.now() - timedelta(seconds=1))

    shown = reviewing.take(model=classifier.model, by=root)
    assert shown is not None
    assert shown.record == record


def test_a_judgement_is_feedback_and_closes_the_item(ada: Any, classifier: ModelVersion, asked: Any) -> None:
    record = asked(0.6)
    watch(ada, classifier)
    queueing.queue_next()

    row = reviewing.judge(prediction_id=record.pk, by=ada, label="no")

    assert (row.source, row.state, row.predicted_label, row.by) == ("review", "counted", "yes", ada)
    item = ReviewItem.objects.get()
    assert (item.state, item.decided_by) == ("labelled", ada)
    assert reviewing.take(model=classifier.model, by=ada) is None
    with pytest.raises(NothingToReview):
        reviewing.judge(prediction_id=record.pk, by=ada, label="yes")


def test_a_wrong_label_leaves_the_item_open(ada: Any, classifier: ModelVersion, asked: Any) -> None:
    record = asked(0.6)
    watch(ada, classifier)
    queueing.queue_next()

    with pytest.raises(FeedbackInvalid):
        reviewing.judge(prediction_id=record.pk, by=ada, label="maybe")

    assert ReviewItem.objects.get().state == "open"
    assert Feedback.objects.count() == 0


def test_feedback_from_elsewhere_takes_the_prediction_out_of_the_queue(
    ada: Any, classifier: ModelVersion, asked: Any
) -> None:
    record = asked(0.6)
    watch(ada, classifier)
    queueing.queue_next()

    giving.give_one(item=items.given(prediction_id=record.pk, label="no"), by=ada)

    assert reviewing.counts(classifier.model) == {"open": 0, "labelled": 1, "skipped": 0}


def test_a_skipped_prediction_does_not_come_again(ada: Any, classifier: ModelVersion, asked: Any) -> None:
    record = asked(0.6)
    watch(ada, classifier)
    queueing.queue_next()

    reviewing.skip(prediction_id=record.pk, by=ada)

    assert reviewing.take(model=classifier.model, by=ada) is None
    assert Feedback.objects.count() == 0


def test_an_item_whose_record_is_gone_is_passed_over(ada: Any, classifier: ModelVersion, asked: Any) -> None:
    gone, there = asked(0.55), asked(0.6)
    watch(ada, classifier)
    queueing.queue_next()
    PredictionLog.objects.filter(pk=gone.pk).delete()

    shown = reviewing.take(model=classifier.model, by=ada)

    assert shown is not None
    assert shown.record == there


def test_only_who_may_read_the_data_may_judge(ada: Any, bob: Any, classifier: ModelVersion, asked: Any) -> None:
    record = asked(0.6)
    watch(ada, classifier)
    queueing.queue_next()
    staff = make_user("staff@example.org")
    staff.is_staff = True
    staff.save()

    for person in (bob, staff):
        with pytest.raises(Forbidden):
            reviewing.take(model=classifier.model, by=person)
        with pytest.raises(Forbidden):
            reviewing.judge(prediction_id=record.pk, by=person, label="no")


@pytest.mark.parametrize(("below", "share", "field"), [
    (1.5, None, "review_below"), (-0.1, None, "review_below"), (float("nan"), None, "review_below"),
    (True, None, "review_below"), (None, "0.5", "review_share"),
])  # fmt: skip
def test_a_share_is_a_number_from_0_to_1(
    ada: Any, classifier: ModelVersion, below: Any, share: Any, field: str
) -> None:
    with pytest.raises(WatchInvalid) as told:
        watch(ada, classifier, below=below, share=share)

    assert told.value.field == field


def test_what_is_watched_is_the_owners_to_say_and_audited(ada: Any, bob: Any, classifier: ModelVersion) -> None:
    with pytest.raises(Forbidden):
        watch(bob, classifier)
    watch(ada, classifier, below=0.8, share=0.0)

    assert AuditEvent.objects.get(action="model.watch_changed").actor_id == ada.pk
    known = watching.of_model(classifier.model)
    assert (known.review_below, known.review_share) == (0.8, None)
