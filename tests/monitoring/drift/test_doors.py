"""Drift by the API and by the command."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services
from monitoring.drift import checking
from monitoring.models import DriftCheck, DriftReference
from registry.models import Deployment, ModelVersion

pytestmark = pytest.mark.django_db
Asked = Callable[..., None]


def client_of(user: Any, *scopes: str) -> APIClient:
    _, text = services.create_key(by=user, owner=user, name="k", scopes=list(scopes or ("read", "upload")))
    client = APIClient()
    client.credentials(HTTP_X_API_KEY=text)
    return client


def test_a_reference_is_taken_a_look_made_and_both_are_told(ada: Any, watched: ModelVersion, asked: Asked) -> None:
    asked(200, ago=31)
    asked(201, mean=1.5)
    client = client_of(ada)
    until = timezone.now() - timedelta(hours=30)
    span = {"since": (until - timedelta(hours=30)).isoformat(), "until": until.isoformat()}

    taken = client.post("/api/v1/models/toy/versions/1/drift-reference", span, format="json")
    asked_for = client.post("/api/v1/models/toy/versions/1/drift")
    assert checking.check_next()
    told = client.get("/api/v1/models/toy/drift").json()

    assert (taken.status_code, taken.json()["rows"], taken.json()["source"]) == (201, 200, "window")
    assert asked_for.status_code == 202
    assert asked_for.json()["asked_at"] is not None
    assert (told["model"], told["version"]) == ("toy", 1)
    assert told["reference"]["features"] == ["size", "colour", "prediction", "confidence"]
    assert told["reference"]["asked_at"] is None
    assert (told["latest"]["is_drifted"], told["latest"]["rows"]) == (True, 201)
    assert {row["feature"]: row["is_drifted"] for row in told["results"]}["size"] is True
    assert told["history"][-1] == told["latest"]


def test_before_there_is_a_reference_drift_is_empty(ada: Any, watched: ModelVersion) -> None:
    told = client_of(ada).get("/api/v1/models/toy/drift?version=1").json()

    assert (told["reference"], told["latest"], told["results"], told["history"]) == (None, None, [], [])


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("drift", {}, 409, "no_reference"),
        ("drift-reference", {"days": 3}, 400, "unknown_field"),
        ("drift-reference", {}, 409, "too_few_rows"),
        ("drift-reference", {"since": "yesterday"}, 422, "validation_failed"),
        ("drift-reference", {"since": "2031-01-01T00:00:00Z"}, 422, "span_invalid"),
    ],
)
def test_what_can_not_be_done_says_why(
    ada: Any, watched: ModelVersion, path: str, body: Any, status: int, code: str
) -> None:
    answer = client_of(ada).post(f"/api/v1/models/toy/versions/1/{path}", body, format="json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_only_the_owner_looks_and_takes(ada: Any, bob: Any, watched: ModelVersion) -> None:
    watched.model.visibility = "internal"
    watched.model.save()
    client = client_of(bob)

    assert client.get("/api/v1/models/toy/drift").status_code == 200
    assert client.post("/api/v1/models/toy/versions/1/drift").status_code == 403
    assert client.post("/api/v1/models/toy/versions/1/drift-reference").status_code == 403
    assert client_of(ada, "read").post("/api/v1/models/toy/versions/1/drift").status_code == 403


def test_a_model_with_nothing_live_needs_a_version(ada: Any, watched: ModelVersion) -> None:
    Deployment.objects.update(closed_at=timezone.now())

    assert client_of(ada).get("/api/v1/models/toy/drift").status_code == 409
    assert client_of(ada).get("/api/v1/models/toy/drift?version=1").status_code == 200
    assert client_of(ada).get("/api/v1/models/toy/drift?version=9").status_code == 404


def test_the_command_takes_a_reference_and_looks(ada: Any, root: Any, watched: ModelVersion, asked: Asked) -> None:
    asked(150)
    out, err = io.StringIO(), io.StringIO()

    call_command("drift", "toy", "--take-reference", stdout=out, stderr=err)

    assert "150 rows" in err.getvalue()
    assert "toy:1: no drift" in out.getvalue()
    assert DriftReference.objects.get().by == root

    out = io.StringIO()
    call_command("drift", "toy:1", "--json", "--hours", "12", stdout=out)
    told = json.loads(out.getvalue())
    assert told["id"] == DriftCheck.objects.order_by("-pk").first().pk  # type: ignore[union-attr]
    assert {row["feature"] for row in told["results"]} == {"size", "colour", "prediction", "confidence"}


@pytest.mark.parametrize(
    "words", [["toy"], ["nothing"], ["toy:7"], ["?"], ["toy", "--take-reference", "--since", "yesterday"]]
)
def test_the_command_says_what_is_wrong(root: Any, watched: ModelVersion, words: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("drift", *words)
