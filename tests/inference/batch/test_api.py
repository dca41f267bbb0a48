"""Batch jobs as a client sees them."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts import services as accounts_services
from accounts.models import AuditEvent
from inference.batch import views
from inference.batch.models import BatchJob
from registry import services
from tests.inference.batch.conftest import ROWS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def call(client: Any, ada: Any) -> Any:
    _, text = accounts_services.create_key(by=ada, owner=ada, name="k", scopes=["predict"])

    def call(method: str, path: str = "", *, key: str = text, headers: Any = None, **body: Any) -> Any:
        more = {"data": body} if body else {}
        path = f"/api/v1/batch-jobs{path}"
        return getattr(client, method)(path, headers={"X-API-Key": key, **(headers or {})}, **more)

    return call


@pytest.fixture
def post(call: Any, version: Any, ada: Any) -> Any:
    services.activate(version=version, by=ada)

    def post(content: bytes = ROWS, name: str = "rows.csv", **fields: Any) -> Any:
        headers = fields.pop("headers", None)
        return call("post", headers=headers, file=SimpleUploadedFile(name, content), **{"model": "oracle", **fields})

    return post


def test_a_file_is_sent_followed_fetched_and_deleted(call: Any, post: Any, work: Any) -> None:
    answer = post(format="jsonl")
    assert answer.status_code == 202, answer.content
    job = answer.json()
    assert (job["status"], job["model"], job["version"], job["rows_total"]) == ("waiting", "oracle", 1, None)
    early = call("get", f"/{job['id']}/results")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "results_not_ready")
    work()
    seen = call("get", f"/{job['id']}").json()
    assert (seen["status"], seen["rows_done"], seen["seconds_left"], seen["is_stopping"]) == ("done", 100, None, False)
    results = call("get", f"/{job['id']}/results")
    lines = b"".join(results).splitlines()
    assert json.loads(lines[-1]) == {"row": 100, "prediction": 100.0}
    assert results["Content-Type"] == "application/x-ndjson"
    assert results["Content-Disposition"] == f'attachment; filename="oracle-v1-{job["id"][:8]}.jsonl"'
    assert AuditEvent.objects.filter(action="batch.downloaded").count() == 1
    assert [one["id"] for one in call("get", "?model=oracle&status=done").json()["results"]] == [job["id"]]
    assert call("delete", f"/{job['id']}").status_code == 204
    assert call("get", f"/{job['id']}").status_code == 404
    assert not BatchJob.objects.exists()


def test_an_unfinished_job_is_cancelled(call: Any, post: Any) -> None:
    job = post().json()
    answer = call("delete", f"/{job['id']}")
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")


def test_a_repeated_request_makes_one_job(post: Any) -> None:
    first, second = (post(headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert (second.status_code, second.json()["id"]) == (202, first.json()["id"])
    assert BatchJob.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"model": "nothing"}, 404, "not_found"),
        ({"version": "7"}, 404, "not_found"),
        ({"version": "x"}, 422, "validation_failed"),
        ({"format": "xml"}, 422, "validation_failed"),
        ({"color": "red"}, 400, "unknown_field"),
        ({"content": b""}, 422, "empty_file"),
    ],
)
def test_what_cannot_be_is_refused(post: Any, fields: Any, status: int, code: str) -> None:
    answer = post(**fields)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert not BatchJob.objects.exists()


def test_too_large_is_told_by_the_length_and_by_the_file(post: Any, settings: Any, monkeypatch: Any) -> None:
    settings.BATCH_MAX_BYTES = 100
    monkeypatch.setattr(views, "_FORM_OVERHEAD_BYTES", 0)
    assert post().json()["error"]["code"] == "file_too_large"
    monkeypatch.setattr(views, "_FORM_OVERHEAD_BYTES", 1 << 20)
    answer = post()
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "file_too_large")


def test_a_file_may_be_larger_than_a_model(post: Any, settings: Any) -> None:
    settings.MAX_ARTIFACT_BYTES = 100
    assert post().status_code == 202


def test_too_many_jobs_are_429(post: Any, settings: Any) -> None:
    settings.BATCH_JOBS_PER_OWNER = 1
    post()
    answer = post()
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_jobs")


def test_a_key_for_other_models_knows_of_none_of_these(call: Any, post: Any, ada: Any) -> None:
    job = post().json()
    _, other = accounts_services.create_key(by=ada, owner=ada, name="o", scopes=["predict"], model_names=["another"])
    assert call("get", f"/{job['id']}", key=other).status_code == 404
    assert call("get", key=other).json()["count"] == 0
    assert post(headers={"X-API-Key": other}).status_code == 404
