"""Feedback finds its prediction, the last word counts, and nobody speaks about what they may not read."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.principal import principal_for
from monitoring.models import Feedback, PredictionLog, QualityDay
from monitoring.outcomes import giving, items
from monitoring.outcomes.errors import FeedbackInvalid, TooMuchFeedback
from registry.models import ModelVersion, RegisteredModel

pytestmark = pytest.mark.django_db
Predicted = Callable[..., PredictionLog]


def give(by: Any, *, principal: Any = None, **values: Any) -> Feedback:
    return giving.give_one(item=items.given(**values), by=by, principal=principal)


def test_a_label_is_kept_beside_what_was_predicted(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    record = predicted(classifier, "yes", [0.2, 0.8], subject_id="customer 7")

    row = give(ada, prediction_id=record.pk, label="no", source="crm")

    kept = Feedback.objects.get(pk=row.pk)
    assert (kept.label, kept.predicted_label, kept.score) == ("no", "yes", 0.8)
    assert (kept.state, kept.is_current, kept.source, kept.by) == ("counted", True, "crm", ada)
    assert (kept.version, kept.predicted_at, kept.subject_id) == (classifier, record.created_at, "customer 7")


def test_a_value_is_kept_beside_what_was_predicted(ada: Any, regressor: ModelVersion, predicted: Predicted) -> None:
    row = give(ada, prediction_id=predicted(regressor, 10.5).pk, value=12)

    assert (row.value, row.predicted_value, row.state) == (12.0, 10.5, "counted")


def test_saying_the_same_again_changes_nothing(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    record = predicted(classifier)
    first = give(ada, prediction_id=record.pk, label="no")
    touches = QualityDay.objects.get().touches

    again = give(ada, prediction_id=record.pk, label="no")

    assert again.pk == first.pk
    assert Feedback.objects.count() == 1
    assert QualityDay.objects.get().touches == touches


def test_the_last_word_counts_and_the_one_before_stays(
    ada: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    record = predicted(classifier)
    first = give(ada, prediction_id=record.pk, label="no")

    second = give(ada, prediction_id=record.pk, label="yes")

    first.refresh_from_db()
    assert (first.state, first.is_current) == ("replaced", False)
    assert (second.state, second.is_current) == ("counted", True)


def test_in_one_call_too_the_last_word_counts(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    record = predicted(classifier)
    told = [items.given(prediction_id=record.pk, label=label) for label in ("no", "yes", "yes")]

    receipt = giving.give(items=told, by=ada)

    assert receipt.accepted == 3
    assert list(Feedback.objects.filter(is_current=True).values_list("label", flat=True)) == ["yes"]
    assert sorted(Feedback.objects.values_list("state", flat=True)) == ["counted", "replaced"]


def test_feedback_before_its_record_waits(ada: Any, classifier: ModelVersion) -> None:
    row = give(ada, prediction_id=uuid.uuid4(), label="no")

    assert (row.state, row.is_current, row.version_id) == ("waiting", False, None)


def test_what_one_may_not_read_looks_like_what_is_not_there(
    bob: Any, ada: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    record = predicted(classifier)
    hers = give(ada, prediction_id=record.pk, label="no")

    his = give(bob, prediction_id=record.pk, label="yes")

    assert his.state == "waiting"
    hers.refresh_from_db()
    assert (hers.state, hers.is_current) == ("counted", True)


def test_a_credential_for_other_models_finds_nothing(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    record = predicted(classifier)
    principal = principal_for(ada, model_names=["another"])

    assert give(ada, principal=principal, prediction_id=record.pk, label="no").state == "waiting"


def test_whoever_asked_an_internal_model_may_tell_what_came_true(
    bob: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    RegisteredModel.objects.update(visibility="internal")

    assert give(bob, prediction_id=predicted(classifier, user=bob).pk, label="no").state == "counted"
    assert give(bob, prediction_id=predicted(classifier).pk, label="no").state == "waiting"


def test_a_subject_means_the_newest_prediction_about_it(
    ada: Any, classifier: ModelVersion, predicted: Predicted, noon: Any
) -> None:
    predicted(classifier, "no", subject_id="customer 7", created_at=noon.replace(hour=9))
    newest = predicted(classifier, "yes", subject_id="customer 7", created_at=noon.replace(hour=10))
    predicted(classifier, "no", subject_id="customer 7", created_at=noon.replace(hour=11), outcome="error")
    predicted(classifier, "no", subject_id="customer 8", created_at=noon)

    assert give(ada, subject_id="customer 7", label="yes").prediction_id == newest.pk


def test_a_subject_of_several_models_needs_the_model_named(
    ada: Any, classifier: ModelVersion, regressor: ModelVersion, predicted: Predicted
) -> None:
    predicted(classifier, subject_id="customer 7")
    price = predicted(regressor, 3.0, subject_id="customer 7")

    with pytest.raises(FeedbackInvalid) as told:
        give(ada, subject_id="customer 7", label="yes")
    assert told.value.code == "ambiguous_subject"
    assert give(ada, subject_id="customer 7", model="price", value=4).prediction_id == price.pk


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"value": 1.0}, "label_required"),
        ({"label": "maybe"}, "unknown_label"),
        ({"label": "no", "index": 1}, "index_out_of_range"),
    ],
)
def test_what_does_not_fit_its_prediction_is_refused(
    ada: Any, classifier: ModelVersion, predicted: Predicted, values: dict[str, Any], code: str
) -> None:
    with pytest.raises(FeedbackInvalid) as told:
        give(ada, prediction_id=predicted(classifier).pk, **values)

    assert told.value.code == code
    assert Feedback.objects.count() == 0


def test_a_number_needs_a_value(ada: Any, regressor: ModelVersion, predicted: Predicted) -> None:
    with pytest.raises(FeedbackInvalid, match="give value"):
        give(ada, prediction_id=predicted(regressor, 1.0).pk, label="dear")


def test_a_request_that_got_no_answer_takes_no_feedback(
    ada: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    with pytest.raises(FeedbackInvalid) as told:
        give(ada, prediction_id=predicted(classifier, outcome="invalid", output=None).pk, label="no")

    assert told.value.code == "not_answered"


@pytest.mark.parametrize(
    ("values", "reason"),
    [({"output": None}, "output_not_kept"), ({"outcome": "fallback"}, "fallback")],
)
def test_what_can_not_be_compared_is_kept_and_not_counted(
    ada: Any, classifier: ModelVersion, predicted: Predicted, values: dict[str, Any], reason: str
) -> None:
    row = give(ada, prediction_id=predicted(classifier, **values).pk, label="no")

    assert (row.state, row.reason) == ("uncounted", reason)


def test_each_row_of_a_batch_has_its_own_truth(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    output = {"predictions": ["yes", "no"], "probabilities": [[0.1, 0.9], [0.7, 0.3]]}
    record = predicted(classifier, instance_count=2, output=output)

    first, second = (give(ada, prediction_id=record.pk, label="yes", index=index) for index in (0, 1))

    assert (first.predicted_label, second.predicted_label) == ("yes", "no")
    assert (first.score, second.score) == (0.9, 0.3)


def test_a_call_takes_so_many_items_and_no_more(ada: Any) -> None:
    told = [items.given(prediction_id=uuid.uuid4(), label="no")] * (giving.MOST_ITEMS + 1)

    with pytest.raises(TooMuchFeedback):
        giving.give(items=told, by=ada)


def test_the_number_of_queries_does_not_grow_with_the_items(
    ada: Any, classifier: ModelVersion, predicted: Predicted, django_assert_max_num_queries: Any
) -> None:
    told = [items.given(prediction_id=predicted(classifier).pk, label="no") for _ in range(60)]

    with django_assert_max_num_queries(14):
        assert giving.give(items=told, by=ada).accepted == 60


@pytest.mark.django_db(transaction=True)
def test_two_who_tell_at_once_leave_one_last_word(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite lets one write at a time, and tests share its connection")
    record = predicted(classifier)
    begin = threading.Barrier(4)

    def tell(label: str) -> None:
        begin.wait()
        try:
            give(ada, prediction_id=record.pk, label=label, source=f"s{threading.get_ident()}")
        finally:
            connection.close()

    threads = [threading.Thread(target=tell, args=[label]) for label in ("no", "yes", "no", "yes")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Feedback.objects.count() == 4
    assert Feedback.objects.filter(is_current=True, state="counted").count() == 1
