"""The pages of quality, drift and review, and the panels: for whom, in which state, and that they stay small."""

from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from monitoring.drift import checking
from monitoring.models import DriftReference, DriftResult, Feedback, ModelWatch, PredictionLog, QualityDay, ReviewItem
from monitoring.outcomes import giving, items, queueing, summing, watching
from registry.models import Deployment, ModelVersion
from tests.conftest import make_user

pytestmark = pytest.mark.django_db
Predicted = Callable[..., PredictionLog]
PAGES = ("quality", "drift", "review")


@pytest.fixture
def page(root: Any, client: Client) -> Client:
    client.force_login(root)
    return client


def staff(*permissions: str) -> Any:
    person = make_user("staff@example.org")
    person.is_staff = True
    person.save()
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return person


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def ask(version: ModelVersion, predicted: Predicted, confidence: float = 0.6) -> PredictionLog:
    at = timezone.now() - timedelta(minutes=1)
    return predicted(version, "yes", [1 - confidence, confidence], created_at=at)


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_page_says_what_to_do(page: Client, classifier: ModelVersion, name: str) -> None:
    told = text(page, f"/admin/dashboard/toy/{name}")

    words = {"quality": "/feedback", "drift": "Take it", "review": "Nobody is asked about this model"}
    assert words[name] in told


@pytest.mark.parametrize("name", PAGES)
def test_a_page_takes_the_right_to_records(client: Client, classifier: ModelVersion, name: str) -> None:
    client.force_login(staff())
    assert client.get(f"/admin/dashboard/toy/{name}").status_code == 403


def test_who_may_not_read_the_data_sees_quality_and_drift_and_judges_nothing(
    client: Client, ada: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    giving.give_one(item=items.given(prediction_id=ask(classifier, predicted).pk, label="no"), by=ada)
    summing.sum_next()
    client.force_login(staff("view_predictionlog"))

    assert "dashboard/toy/labelled" not in text(client, "/admin/dashboard/toy/quality")
    assert client.get("/admin/dashboard/toy/drift").status_code == 200
    assert client.get("/admin/dashboard/toy/review").status_code == 403
    assert client.get("/admin/dashboard/toy/labelled").status_code == 403
    assert client.post("/admin/dashboard/toy/drift", {"action": "check"}).status_code == 403
    assert client.post("/admin/dashboard/toy/watch", {"review_below": "0.5"}).status_code == 403


def test_quality_is_told_with_intervals_matrix_and_changes(
    page: Client, ada: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    for label in ("yes", "yes", "no"):
        giving.give_one(item=items.given(prediction_id=ask(classifier, predicted).pk, label=label), by=ada)
    Deployment.objects.create(
        model=classifier.model, version=classifier, action="activate", by=ada, activated_at=timezone.now()
    )
    summing.sum_next()

    told = text(page, "/admin/dashboard/toy/quality?days=7&version=1")

    assert "66.7 %" in told
    assert "20.8 to 93.9 %" in told  # Wilson's interval of 2 in 3
    assert "What was said for what was true" in told
    assert "m-marker" in told
    assert "dashboard/toy/labelled?as=csv" in told
    assert page.get("/admin/dashboard/toy/quality?days=8").status_code == 404
    assert b"".join(page.get("/admin/dashboard/toy/labelled?as=jsonl")).count(b"\n") == 3  # type: ignore[call-overload]
    assert page.get("/admin/dashboard/toy/labelled?as=xlsx").status_code == 404


def test_labels_are_text_and_never_markup(
    page: Client, ada: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    classifier.signature = {"task": "classification", "classes": ["</script><img src=x onerror=alert(1)>", "yes"]}
    classifier.save()
    record = ask(classifier, predicted)
    watching.change(model=classifier.model, by=ada, review_below=0.9, review_share=None)
    queueing.queue_next()
    shown = text(page, "/admin/dashboard/toy/review") + text(page, f"/admin/predictions/{record.pk}")
    giving.give_one(item=items.given(prediction_id=record.pk, label="</script><img src=x onerror=alert(1)>"), by=ada)
    summing.sum_next()
    shown += text(page, "/admin/dashboard/toy/quality") + text(page, f"/admin/predictions/{record.pk}")
    shown += text(page, "/admin/monitoring/feedback/")

    assert "&lt;img src=x" in shown
    assert "<img src=x" not in shown


def test_the_owner_says_what_people_are_asked_about(page: Client, classifier: ModelVersion) -> None:
    page.post("/admin/dashboard/toy/watch", {"review_below": "0,75", "review_share": ""})
    assert ModelWatch.objects.get().review_below == 0.75

    answer = page.post("/admin/dashboard/toy/watch", {"review_below": "lots"}, follow=True)
    assert "review_below takes a number from 0 to 1" in answer.content.decode()
    assert ModelWatch.objects.get().review_below == 0.75


def test_a_prediction_is_judged_and_the_next_one_comes(
    page: Client, ada: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    first, second = ask(classifier, predicted, 0.55), ask(classifier, predicted, 0.65)
    watching.change(model=classifier.model, by=ada, review_below=0.9, review_share=None)
    queueing.queue_next()
    assert str(first.pk) in text(page, "/admin/dashboard/toy/review")

    answer = page.post("/admin/dashboard/toy/review", {"prediction": first.pk, "label": "no"}, follow=True)

    assert "no: taken" in answer.content.decode()
    assert str(second.pk) in answer.content.decode()
    assert Feedback.objects.get().source == "review"
    again = page.post("/admin/dashboard/toy/review", {"prediction": first.pk, "label": "no"}, follow=True)
    assert "has judged this prediction already" in again.content.decode()
    page.post("/admin/dashboard/toy/review", {"prediction": second.pk, "skip": "1"})
    assert sorted(ReviewItem.objects.values_list("state", flat=True)) == ["labelled", "skipped"]


@pytest.mark.parametrize("form", [{}, {"prediction": "7"}, {"prediction": "", "label": "no"}])
def test_a_form_that_names_no_prediction_is_told(page: Client, classifier: ModelVersion, form: Any) -> None:
    answer = page.post("/admin/dashboard/toy/review", form, follow=True)

    assert "names no prediction" in answer.content.decode()


def test_a_regression_is_judged_by_a_number(
    page: Client, ada: Any, regressor: ModelVersion, predicted: Predicted
) -> None:
    record = predicted(regressor, 3.0, created_at=timezone.now() - timedelta(minutes=1))
    watching.change(model=regressor.model, by=ada, review_below=None, review_share=1.0)
    queueing.queue_next()
    assert "The true number" in text(page, "/admin/dashboard/price/review")

    page.post("/admin/dashboard/price/review", {"prediction": record.pk, "value": "four"})
    assert Feedback.objects.count() == 0
    page.post("/admin/dashboard/price/review", {"prediction": record.pk, "value": "4,5"})
    assert Feedback.objects.get().value == 4.5


def test_feedback_is_given_on_the_page_of_a_prediction(
    page: Client, classifier: ModelVersion, predicted: Predicted
) -> None:
    record = ask(classifier, predicted)
    assert "Nobody has said what came true" in text(page, f"/admin/predictions/{record.pk}")

    page.post(f"/admin/predictions/{record.pk}/feedback", {"label": "no"})
    answer = page.post(f"/admin/predictions/{record.pk}/feedback", {"label": "maybe"}, follow=True)

    assert "The model knows the classes no, yes" in answer.content.decode()
    row = Feedback.objects.get()
    assert (row.label, row.source, row.state) == ("no", "admin", "counted")


def drifted(version: ModelVersion) -> DriftReference:
    numbers = [float(at) for at in range(200)]
    feature = {"role": "input", "name": "<b>size</b>", "kind": "numeric", "count": 200, "missing": 0, "values": numbers}
    profile = {"features": [feature], "left_out": ["id"]}
    return DriftReference.objects.create(version=version, source="sample", rows=200, profile=profile)


def test_drift_is_told_with_its_picture(page: Client, ada: Any, classifier: ModelVersion) -> None:
    reference = drifted(classifier)
    check = checking._write(classifier, reference, _window(), [_found()])

    told = text(page, "/admin/dashboard/toy/drift")

    assert "1 of 1 feature has drifted" in told
    assert "&lt;b&gt;size" in told
    assert "under 10" in told
    assert "10.0 %" in told
    assert check.results.count() == 1
    assert "1 of 1 drifted" in text(page, "/admin/dashboard/toy")


def _window() -> Any:
    from monitoring.drift.window import Window

    now = timezone.now()
    return Window(now - timedelta(days=1), now, 500, 300, inputs={"size": [1.0] * 300}, predictions={"prediction": [1]})


def _found() -> Any:
    from monitoring.drift.comparing import Found

    facts = {
        "reference_mean": 5.0, "mean": 9.0, "outside": 0.2, "ks": 0.4, "missing": 0.0, "reference_missing": 0.0,
        "edges": [0.0, 10.0, 20.0], "reference_shares": [0.1, 0.9], "shares": [0.6, 0.4],
    }  # fmt: skip
    return Found("input", "<b>size</b>", "numeric", "psi", 1.2, 0.1, 1e-9, 200, 300, True, "", facts)


def test_the_owner_takes_a_reference_and_asks_for_a_look(
    page: Client, ada: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    few = page.post("/admin/dashboard/toy/drift?version=1", {"action": "reference", "days": "7"}, follow=True)
    assert "a reference takes at least 50" in few.content.decode()
    nothing = page.post("/admin/dashboard/toy/drift?version=1", {"action": "check"}, follow=True)
    assert "has no reference" in nothing.content.decode()
    for _ in range(60):
        ask(classifier, predicted)

    page.post("/admin/dashboard/toy/drift?version=1", {"action": "reference", "days": "1"})

    reference = DriftReference.objects.get()
    assert (reference.rows, reference.source) == (60, "window")
    assert reference.asked_at is not None
    assert checking.check_next()
    assert "Too few rows to tell" in text(page, "/admin/dashboard/toy/drift?version=1")
    assert page.get("/admin/dashboard/toy/drift?version=9").status_code == 404


def test_pages_take_as_many_queries_for_much_as_for_little(
    page: Client, ada: Any, classifier: ModelVersion, django_assert_max_num_queries: Any
) -> None:
    today = timezone.now().astimezone(UTC).date()
    QualityDay.objects.bulk_create(
        QualityDay(
            model=classifier.model, version=classifier, day=today - timedelta(days=back), labels=2, summed=1,
            sums={"confusion": [["yes", "yes", 1], ["no", "yes", 1]]},
        )
        for back in range(90)
    )  # fmt: skip
    reference = drifted(classifier)
    for _ in range(30):
        checking._write(classifier, reference, _window(), [_found()])
    assert DriftResult.objects.count() == 30
    text(page, "/admin/dashboard/toy/quality")

    with django_assert_max_num_queries(16):
        text(page, "/admin/dashboard/toy/quality?days=90")
    with django_assert_max_num_queries(16):
        text(page, "/admin/dashboard/toy/drift")
