"""Quality by version and day: summed by a job, kept up to date, and the same as adding up by hand."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from sklearn import metrics

from monitoring.models import Feedback, PredictionLog, QualityDay
from monitoring.outcomes import giving, items, quality, summing, sums
from registry.models import ModelVersion

pytestmark = pytest.mark.django_db
Predicted = Callable[..., PredictionLog]


def tell(by: Any, record: PredictionLog, **truth: Any) -> None:
    giving.give_one(item=items.given(prediction_id=record.pk, **truth), by=by)


def add_up() -> None:
    """Let the job do what there is to do, as if a while had passed."""
    QualityDay.objects.update(not_before=None)
    while summing.sum_next():
        pass


def test_a_classifier_is_told_by_its_labels(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    rows = [("yes", 0.9, "yes"), ("yes", 0.6, "no"), ("no", 0.2, "no"), ("no", 0.4, "yes"), ("yes", 1.0, "yes")]
    for said, share, true in rows:
        tell(ada, predicted(classifier, said, [1 - share, share]), label=true)
    add_up()

    (version,) = quality.report(classifier.model).versions
    found = {measure.name: measure.value for measure in version.whole.measures}

    true, said = [row[2] for row in rows], [row[0] for row in rows]
    shares = [row[1] for row in rows]
    assert version.whole.labels == 5
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(true, said))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score([one == "yes" for one in true], shares))
    assert found["log_loss"] == pytest.approx(
        metrics.log_loss(true, [[1 - s, s] for s in shares], labels=["no", "yes"])
    )
    assert found["brier"] == pytest.approx(metrics.brier_score_loss([one == "yes" for one in true], shares))
    assert version.confusion == {("yes", "yes"): 2, ("yes", "no"): 1, ("no", "no"): 1, ("no", "yes"): 1}
    assert version.headline is not None
    assert version.headline.name == "accuracy"


def test_a_regressor_is_told_by_its_values(ada: Any, regressor: ModelVersion, predicted: Predicted) -> None:
    rows = [(1.0, 2.0), (5.0, 4.0), (-2.0, 1.0)]
    for said, true in rows:
        tell(ada, predicted(regressor, said), value=true)
    add_up()

    (version,) = quality.report(regressor.model).versions
    found = {measure.name: measure.value for measure in version.whole.measures}

    assert found["mae"] == pytest.approx(5 / 3)
    assert found["rmse"] == pytest.approx((11 / 3) ** 0.5)
    assert found["bias"] == pytest.approx(-1.0)
    assert version.whole.classes == []


def test_days_are_those_of_the_prediction_and_in_utc(
    ada: Any, classifier: ModelVersion, predicted: Predicted, noon: datetime
) -> None:
    edge = noon.replace(hour=0)
    for at, label in ((edge, "yes"), (edge - timedelta(microseconds=1), "no"), (edge - timedelta(days=2), "yes")):
        tell(ada, predicted(classifier, "yes", created_at=at), label=label)
    add_up()

    (version,) = quality.report(classifier.model).versions

    days = [(day, found.labels, found.get("accuracy").value) for day, found in version.days]  # type: ignore[union-attr]
    assert days == [
        ((edge - timedelta(days=2)).date(), 1, 1.0),
        ((edge - timedelta(days=1)).date(), 1, 0.0),
        (edge.date(), 1, 1.0),
    ]


def test_a_change_of_mind_changes_the_sums(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    record = predicted(classifier, "yes")
    tell(ada, record, label="no")
    add_up()
    assert quality.latest(classifier.pk).get("accuracy").value == 0.0  # type: ignore[union-attr]

    tell(ada, record, label="yes")
    assert quality.report(classifier.model).is_behind
    add_up()

    found = quality.latest(classifier.pk)
    assert (found.labels, found.get("accuracy").value) == (1, 1.0)  # type: ignore[union-attr]
    assert not quality.report(classifier.model).is_behind


def test_what_comes_while_a_day_is_summed_has_it_summed_again(
    ada: Any, classifier: ModelVersion, predicted: Predicted, monkeypatch: Any
) -> None:
    tell(ada, predicted(classifier, "yes"), label="yes")
    of_day = sums.of_day

    def meanwhile(*args: Any) -> Any:
        found = of_day(*args)
        tell(ada, predicted(classifier, "yes"), label="no")
        return found

    monkeypatch.setattr(sums, "of_day", meanwhile)
    assert summing.sum_next()
    monkeypatch.undo()

    assert QualityDay.objects.filter(touches__gt=F("summed")).exists()
    add_up()
    assert quality.latest(classifier.pk).labels == 2


def test_a_stream_of_feedback_does_not_have_a_day_summed_for_each(
    ada: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    tell(ada, predicted(classifier, "yes"), label="yes")
    assert summing.sum_next()
    tell(ada, predicted(classifier, "yes"), label="yes")

    assert not summing.sum_next()


def test_a_runner_that_dies_leaves_the_day_to_another(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    tell(ada, predicted(classifier, "yes"), label="yes")
    QualityDay.claim_one(QualityDay.objects.all(), seconds=15)
    assert not summing.sum_next()

    QualityDay.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    assert summing.sum_next()
    assert quality.latest(classifier.pk).labels == 1


def test_what_was_not_kept_is_told_apart(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    tell(ada, predicted(classifier, output=None), label="yes")
    add_up()

    report = quality.report(classifier.model)

    assert (report.labels, report.uncounted, report.versions) == (0, 1, [])


def test_the_report_takes_as_many_queries_for_many_days_as_for_few(
    ada: Any, classifier: ModelVersion, regressor: ModelVersion, django_assert_num_queries: Any
) -> None:
    today = timezone.now().astimezone(UTC).date()
    QualityDay.objects.bulk_create(
        QualityDay(
            model=classifier.model, version=classifier, day=today - timedelta(days=back), labels=2, summed=1,
            sums={"confusion": [["yes", "yes", 1], ["no", "yes", 1]]},
        )
        for back in range(40)
    )  # fmt: skip

    with django_assert_num_queries(3):
        report = quality.report(classifier.model, days=30)

    assert report.labels == 60
    assert len(report.versions[0].days) == 30


def test_the_sums_of_a_day_are_grouped_by_the_database(
    ada: Any, classifier: ModelVersion, noon: datetime, django_assert_max_num_queries: Any
) -> None:
    """As many queries for 500 pieces of feedback as for one, and no row of it is read."""
    Feedback.objects.bulk_create(
        Feedback(
            prediction_id=uuid.uuid4(), model=classifier.model, version=classifier, label="yes", state="counted",
            predicted_label="yes" if at % 5 else "no", predicted_at=noon, score=at / 500, log_loss=1.0, brier=0.5,
        )
        for at in range(500)
    )  # fmt: skip

    with django_assert_max_num_queries(9):
        labels, stored = sums.of_day(classifier.pk, noon.date(), ["no", "yes"])

    assert labels == 500
    assert stored["confusion"] == [["yes", "yes", 400], ["no", "yes", 100]]
    assert stored["log_loss"] == [500, 500.0, 500.0]
    assert sum(positives for _, positives, _ in stored["scores"]) == 500
