"""Feedback that came first finds its prediction once that is recorded, and is given up after a bounded wait."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from monitoring import spool
from monitoring.models import Feedback, PredictionLog, QualityDay
from monitoring.outcomes import giving, items, keeping, matching
from registry.models import ModelVersion

pytestmark = pytest.mark.django_db
Predicted = Callable[..., PredictionLog]


def give(by: Any, **values: Any) -> Feedback:
    return giving.give_one(item=items.given(**values), by=by)


def look() -> None:
    """Let the job look as if a while had passed."""
    Feedback.objects.update(sought_at=timezone.now() - timedelta(minutes=1))
    while matching.match_waiting():
        pass


def test_feedback_given_while_the_record_is_in_the_spool_counts(
    ada: Any, classifier: ModelVersion, record: Any
) -> None:
    values = record(output={"predictions": ["yes"], "probabilities": [[0.1, 0.9]]})
    spool.append(values)
    row = give(ada, prediction_id=values["id"], label="yes")
    assert row.state == "waiting"

    spool.ship_once()
    look()

    row.refresh_from_db()
    assert (row.state, row.is_current, row.predicted_label, row.version) == ("counted", True, "yes", classifier)
    assert QualityDay.objects.get().version == classifier


def test_what_is_not_found_is_given_up_and_says_so(ada: Any, settings: Any) -> None:
    row = give(ada, prediction_id=uuid.uuid4(), label="yes")
    look()
    row.refresh_from_db()
    assert row.state == "waiting"

    Feedback.objects.update(given_at=timezone.now() - timedelta(seconds=settings.FEEDBACK_WAIT_SECONDS + 1))
    look()

    row.refresh_from_db()
    assert (row.state, row.reason) == ("unknown", "not_found")


def test_a_later_record_does_not_let_in_whoever_may_not_read_it(
    bob: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    row = give(bob, prediction_id=predicted(classifier).pk, label="yes")

    look()

    row.refresh_from_db()
    assert row.state == "waiting"


def test_what_turns_out_not_to_fit_is_refused_with_the_reason(
    ada: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    pk = uuid.uuid4()
    row = give(ada, prediction_id=pk, label="maybe")
    predicted(classifier, id=pk)

    look()

    row.refresh_from_db()
    assert (row.state, row.reason, row.is_current) == ("refused", "unknown_label", False)


def test_of_two_that_waited_the_later_one_counts(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    pk = uuid.uuid4()
    give(ada, prediction_id=pk, label="no")
    give(ada, prediction_id=pk, label="yes")
    predicted(classifier, id=pk)

    look()

    assert list(Feedback.objects.filter(is_current=True).values_list("label", "state")) == [("yes", "counted")]


def test_one_that_waited_does_not_overrule_a_later_word(
    ada: Any, root: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    pk = uuid.uuid4()
    early = give(root, prediction_id=pk, label="no")
    predicted(classifier, id=pk)
    late = give(ada, prediction_id=pk, label="yes")

    look()

    early.refresh_from_db()
    late.refresh_from_db()
    assert (early.state, late.state, late.is_current) == ("replaced", "counted", True)


def test_a_subject_waits_for_its_first_prediction(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    row = give(ada, subject_id="customer 7", model="toy", label="no")
    record = predicted(classifier, subject_id="customer 7")

    look()

    row.refresh_from_db()
    assert (row.state, row.prediction_id) == ("counted", record.pk)


def test_ids_that_never_come_hold_up_no_others(
    ada: Any, classifier: ModelVersion, predicted: Predicted, monkeypatch: Any
) -> None:
    monkeypatch.setattr(matching, "BITE", 2)
    for _ in range(4):
        give(ada, prediction_id=uuid.uuid4(), label="no")
    pk = uuid.uuid4()
    row = give(ada, prediction_id=pk, label="no")
    predicted(classifier, id=pk)

    look()

    row.refresh_from_db()
    assert row.state == "counted"


def test_what_was_never_found_is_forgotten_after_its_days(ada: Any, settings: Any) -> None:
    give(ada, prediction_id=uuid.uuid4(), label="no")
    Feedback.objects.update(state="unknown")
    assert keeping.prune() == 0

    Feedback.objects.update(given_at=timezone.now() - timedelta(days=settings.FEEDBACK_UNKNOWN_DAYS + 1))

    assert keeping.prune() == 1


def test_feedback_is_kept_for_its_days_and_the_sums_for_ever(
    ada: Any, classifier: ModelVersion, predicted: Predicted, settings: Any
) -> None:
    give(ada, prediction_id=predicted(classifier).pk, label="no")
    Feedback.objects.update(given_at=timezone.now() - timedelta(days=settings.FEEDBACK_KEEP_DAYS + 1))
    settings.FEEDBACK_KEEP_DAYS = 0.0
    assert keeping.prune() == 0

    settings.FEEDBACK_KEEP_DAYS = 730.0

    assert keeping.prune() == 1
    assert QualityDay.objects.count() == 1
