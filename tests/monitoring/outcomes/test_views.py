"""Feedback and quality over HTTP."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services
from monitoring.models import Feedback, PredictionLog
from monitoring.outcomes import queueing, summing, watching
from registry.models import ModelVersion

pytestmark = pytest.mark.django_db
Predicted = Callable[..., PredictionLog]


def client_of(user: Any, *scopes: str) -> APIClient:
    _, text = services.create_key(by=user, owner=user, name="k", scopes=list(scopes or ("predict", "read")))
    client = APIClient()
    client.credentials(HTTP_X_API_KEY=text)
    return client


def test_the_truth_about_one_prediction_is_accepted(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    record = predicted(classifier, "yes", [0.1, 0.9])

    answer = client_of(ada).post(f"/api/v1/predictions/{record.pk}/feedback", {"label": "no"}, format="json")

    assert answer.status_code == 202
    told = answer.json()
    assert (told["prediction_id"], told["model"], told["version"]) == (str(record.pk), "toy", 1)
    assert (told["label"], told["predicted_label"], told["state"], told["by"]) == ("no", "yes", "counted", ada.email)


def test_an_unknown_prediction_is_accepted_and_seen_to_wait(ada: Any) -> None:
    client = client_of(ada)
    pk = uuid.uuid4()

    answer = client.post(f"/api/v1/predictions/{pk}/feedback", {"label": "no"}, format="json")

    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    listed = client.get(f"/api/v1/feedback?state=waiting&prediction_id={pk}").json()
    assert [row["state"] for row in listed["results"]] == ["waiting"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "label_or_value"),
        ({"label": "no", "value": 1}, 422, "label_or_value"),
        ({"label": "maybe"}, 422, "unknown_label"),
        ({"value": 3}, 422, "label_required"),
        ({"label": ["no"]}, 422, "not_a_label"),
        ({"label": "n" * 201}, 422, "not_a_label"),
        ({"value": "3"}, 422, "not_a_value"),
        ({"value": True}, 422, "not_a_value"),
        ({"label": "no", "index": -1}, 422, "not_an_index"),
        ({"label": "no", "index": 1.5}, 422, "not_an_index"),
        ({"label": "no", "index": 7}, 422, "index_out_of_range"),
        ({"label": "no", "source": "Own Words"}, 422, "not_a_source"),
        ({"label": "no", "colour": "red"}, 400, "unknown_field"),
    ],
)
def test_wrong_feedback_is_named(
    ada: Any, classifier: ModelVersion, predicted: Predicted, body: Any, status: int, code: str
) -> None:
    answer = client_of(ada).post(f"/api/v1/predictions/{predicted(classifier).pk}/feedback", body, format="json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert Feedback.objects.count() == 0


def test_an_id_that_is_none_is_not_found(ada: Any) -> None:
    assert client_of(ada).post("/api/v1/predictions/7/feedback", {"label": "no"}, format="json").status_code == 404


def test_many_are_taken_one_by_one(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    good = predicted(classifier, subject_id="customer 7")
    items = [
        {"prediction_id": str(good.pk), "label": "no"},
        {"prediction_id": str(good.pk), "label": "maybe"},
        {"label": "no"},
        {"prediction_id": "seven", "label": "no"},
        "no",
        {"prediction_id": str(good.pk), "label": "no", "colour": "red"},
        {"subject_id": "customer 7", "label": "no"},
        {"prediction_id": str(uuid.uuid4()), "label": "no"},
    ]

    answer = client_of(ada).post("/api/v1/feedback", {"items": items}, format="json")

    assert answer.status_code == 202
    body = answer.json()
    assert (body["accepted"], body["waiting"]) == (3, 1)
    assert [(one["index"], one["code"]) for one in body["rejected"]] == [
        (1, "unknown_label"), (2, "prediction_or_subject"), (3, "not_an_id"), (4, "object_required"),
        (5, "unknown_field"),
    ]  # fmt: skip
    assert Feedback.objects.filter(is_current=True).count() == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [({"items": []}, 422), ({"items": 3}, 422), ({}, 422), ({"items": [{}] * 1001}, 413), ({"rows": []}, 400)],
)
def test_a_bulk_call_needs_a_list_of_a_thousand_at_most(ada: Any, body: Any, status: int) -> None:
    assert client_of(ada).post("/api/v1/feedback", body, format="json").status_code == status


def test_the_scopes_are_kept_apart(ada: Any, classifier: ModelVersion, predicted: Predicted) -> None:
    url = f"/api/v1/predictions/{predicted(classifier).pk}/feedback"

    assert client_of(ada, "read").post(url, {"label": "no"}, format="json").status_code == 403
    assert client_of(ada, "predict").get("/api/v1/feedback").status_code == 403


def test_people_read_their_own_feedback_and_all_about_their_models(
    ada: Any, bob: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    client_of(bob).post(f"/api/v1/predictions/{uuid.uuid4()}/feedback", {"label": "his"}, format="json")
    client_of(ada).post(f"/api/v1/predictions/{predicted(classifier).pk}/feedback", {"label": "no"}, format="json")

    assert [row["label"] for row in client_of(bob).get("/api/v1/feedback").json()["results"]] == ["his"]
    mine = client_of(ada).get("/api/v1/feedback?model=toy&version=1&source=api&from=2020-01-01T00:00:00Z").json()
    assert [row["label"] for row in mine["results"]] == ["no"]


@pytest.mark.parametrize("asked", ["state=odd", "version=x", "prediction_id=7", "from=today", "colour=red"])
def test_a_filter_that_can_not_be_read_is_refused(ada: Any, asked: str) -> None:
    assert client_of(ada).get(f"/api/v1/feedback?{asked}").status_code == 400


def test_quality_tells_each_measure_with_its_labels_and_interval(
    ada: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    client = client_of(ada)
    for label in ("yes", "yes", "no"):
        record = predicted(classifier, "yes", [0.2, 0.8])
        client.post(f"/api/v1/predictions/{record.pk}/feedback", {"label": label}, format="json")
    assert summing.sum_next()

    body = client.get("/api/v1/models/toy/quality").json()

    (version,) = body["versions"]
    accuracy = version["measures"]["accuracy"]
    assert (body["labels"], version["version"], accuracy["labels"]) == (3, 1, 3)
    assert accuracy["value"] == pytest.approx(2 / 3)
    assert accuracy["low"] < 2 / 3 < accuracy["high"]
    assert version["confusion"][0] == {"predicted": "yes", "label": "yes", "count": 2}
    assert [one["label"] for one in version["classes"]] == ["no", "yes"]
    assert version["days"][0]["labels"] == 3


def test_quality_of_a_model_one_may_not_see_is_not_found(bob: Any, classifier: ModelVersion) -> None:
    assert client_of(bob).get("/api/v1/models/toy/quality").status_code == 404


@pytest.mark.parametrize("asked", ["days=0", "days=367", "days=x", "version=x", "colour=red"])
def test_a_span_that_can_not_be_read_is_refused(ada: Any, classifier: ModelVersion, asked: str) -> None:
    assert client_of(ada).get(f"/api/v1/models/toy/quality?{asked}").status_code == 400


def test_a_repeated_call_with_its_key_is_answered_as_before(
    ada: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    client = client_of(ada)
    url = f"/api/v1/predictions/{predicted(classifier).pk}/feedback"
    first = client.post(url, {"label": "no"}, format="json", headers={"Idempotency-Key": "a"})
    again = client.post(url, {"label": "no"}, format="json", headers={"Idempotency-Key": "a"})

    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"


def test_what_people_are_asked_about_is_set_and_told(ada: Any, bob: Any, classifier: ModelVersion) -> None:
    client = client_of(ada, "read", "upload")

    changed = client.patch("/api/v1/models/toy/watch", {"review_below": 0.7}, format="json")
    client.patch("/api/v1/models/toy/watch", {"review_share": 0.1}, format="json")

    assert changed.status_code == 200
    told = client.get("/api/v1/models/toy/watch").json()
    assert told == {"review_below": 0.7, "review_share": 0.1, "open": 0, "labelled": 0, "skipped": 0}
    refused = client.patch("/api/v1/models/toy/watch", {"review_below": 7}, format="json")
    assert refused.status_code == 422
    assert client_of(bob).get("/api/v1/models/toy/watch").status_code == 404


def test_the_queue_is_listed_and_feedback_takes_out_of_it(
    ada: Any, bob: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    record = predicted(classifier, "yes", [0.4, 0.6], created_at=timezone.now() - timedelta(minutes=1))
    watching.change(model=classifier.model, by=ada, review_below=0.9, review_share=None)
    queueing.queue_next()
    client = client_of(ada)

    (waiting,) = client.get("/api/v1/models/toy/review").json()["results"]
    assert (waiting["prediction_id"], waiting["confidence"], waiting["reason"]) == (str(record.pk), 0.6, "uncertain")
    client.post(f"/api/v1/predictions/{record.pk}/feedback", {"label": "no"}, format="json")
    assert client.get("/api/v1/models/toy/review").json()["results"] == []

    classifier.model.visibility = "internal"
    classifier.model.save()
    assert client_of(bob).get("/api/v1/models/toy/review").status_code == 403


def test_labelled_rows_are_streamed_as_a_file(
    ada: Any, bob: Any, classifier: ModelVersion, predicted: Predicted
) -> None:
    client = client_of(ada)
    client.post(f"/api/v1/predictions/{predicted(classifier).pk}/feedback", {"label": "no"}, format="json")

    answer = client.get("/api/v1/models/toy/labelled?as=csv")

    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer["Content-Disposition"] == 'attachment; filename="toy-labelled.csv"'
    assert b"".join(answer.streaming_content).count(b"\r\n") == 2
    assert client.get("/api/v1/models/toy/labelled").status_code == 200
    assert client.get("/api/v1/models/toy/labelled?as=xlsx").status_code == 400
    classifier.model.visibility = "internal"
    classifier.model.save()
    assert client_of(bob).get("/api/v1/models/toy/labelled").status_code == 403
