"""Calls that carry an Idempotency-Key, made again."""

import json
import threading
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import idempotency
from accounts import services as accounts_services
from accounts.models import IdempotentCall
from inference import activation
from registry import services
from registry.models import Deployment, ModelVersion, VersionEvent
from tests import toys

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key(ada):
    scopes = ["upload", "read", "activate"]
    return accounts_services.create_key(by=ada, owner=ada, name="tests", scopes=scopes)[1]


@pytest.fixture
def send(key):
    def send(path, body=None, idempotency_key="k1", method="post", credential=key):
        headers = {"X-API-Key": credential}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        call = getattr(Client(), method)
        return call(f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json", headers=headers)

    return send


@pytest.fixture
def upload(key):
    def upload(content, idempotency_key="k1", query="", **fields):
        form = {"name": "toy", "file": SimpleUploadedFile("m.onnx", content), **fields}
        headers = {"X-API-Key": key, "Idempotency-Key": idempotency_key}
        return Client().post(f"/api/v1/models/upload{query}", form, headers=headers)

    return upload


def test_the_same_upload_makes_one_version_and_has_the_same_answer(upload):
    first, second = upload(toys.oracle(1.0)), upload(toys.oracle(1.0))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.content == second.content
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert ModelVersion.objects.count() == 1
    assert upload(toys.oracle(1.0), idempotency_key="k2").json()["version"]["number"] == 2


@pytest.mark.parametrize(
    ("content", "fields"), [(toys.oracle(2.0), {}), (toys.oracle(1.0), {"description": "another"})]
)
def test_the_same_key_with_another_body_is_refused(upload, content, fields):
    upload(toys.oracle(1.0))
    refused = upload(content, **fields)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert ModelVersion.objects.count() == 1


def test_a_key_belongs_to_one_path_one_method_and_one_credential(ada, send, served_version):
    for _ in range(2):
        served_version()
    assert send("models/oracle/versions/1/deprecate").json()["number"] == 1
    assert send("models/oracle/versions/2/deprecate").json()["number"] == 2
    other = accounts_services.create_key(by=ada, owner=ada, name="other", scopes=["activate"])[1]
    refused = send("models/oracle/versions/1/deprecate", credential=other)
    assert refused.json()["error"]["code"] == "already_deprecated"


def test_a_step_is_taken_once_and_told_twice_with_or_without_the_slash(send, served_version):
    served_version()
    first = send("models/oracle/versions/1/deprecate", {"note": "old"})
    second = send("models/oracle/versions/1/deprecate/", {"note": "old"})
    assert (first.status_code, first.json()) == (200, second.json())
    assert VersionEvent.objects.count() == 1


def test_a_repeated_roll_back_does_not_roll_back_twice(ada, send, served_version):
    for offset in (1, 2, 3):
        services.activate(version=served_version(offset=offset), by=ada)
    first, second = send("models/oracle/rollback"), send("models/oracle/rollback")
    assert first.json() == second.json()
    assert first.json()["version"] == 2
    assert Deployment.objects.count() == 4


def test_a_conflict_is_the_answer_to_the_repetition_too(ada, send, served_version):
    version = served_version()
    services.activate(version=version, by=ada)
    assert send("models/oracle/versions/1/archive").json()["error"]["code"] == "version_is_live"
    services.activate(version=served_version(offset=2), by=ada)
    again = send("models/oracle/versions/1/archive")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (409, "true")
    assert send("models/oracle/versions/1/archive", idempotency_key="k2").status_code == 200


def test_after_a_refusal_of_what_was_sent_the_key_may_be_used_again(send, served_version):
    served_version()
    assert send("models/oracle/versions/1", {"tags": "no list"}, method="patch").status_code == 422
    assert send("models/oracle/versions/1", {"tags": ["a"]}, method="patch").status_code == 200


def test_after_a_fault_of_ours_the_key_may_be_used_again(send, served_version, monkeypatch):
    served_version()
    with monkeypatch.context() as patch:
        patch.setattr("registry.services.life.audit.record", lambda *args, **kwargs: 1 / 0)
        assert send("models/oracle/versions/1/deprecate").status_code == 500
    assert not IdempotentCall.objects.exists()
    assert send("models/oracle/versions/1/deprecate").status_code == 200


def test_a_process_that_dies_after_the_ledger_was_written_leaves_its_answer(ada, send, served_version, monkeypatch):
    served_version()

    class Killed(BaseException):
        pass

    real = activation.activate

    def dies(**facts):
        real(**facts)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(activation, "activate", dies)
        with pytest.raises(Killed):
            send("models/oracle/versions/1/activate")
    again = send("models/oracle/versions/1/activate")
    assert (again.status_code, again.json()["version"], again.headers["Idempotency-Replayed"]) == (200, 1, "true")
    assert Deployment.objects.count() == 1


def test_a_process_that_dies_before_it_did_anything_blocks_the_key_only_for_a_while(send, served_version, monkeypatch):
    served_version()

    class Killed(BaseException):
        pass

    def dies(**facts):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(activation, "activate", dies)
        with pytest.raises(Killed):
            send("models/oracle/versions/1/activate")
    waiting = send("models/oracle/versions/1/activate")
    assert (waiting.status_code, waiting.json()["error"]["code"]) == (409, "idempotency_in_progress")
    assert waiting.headers["Retry-After"] == "1"
    IdempotentCall.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert send("models/oracle/versions/1/activate").status_code == 200


def test_of_racing_repetitions_one_acts(send, upload):
    content, answers = toys.oracle(1.0), []
    gate = threading.Barrier(8)

    def race():
        gate.wait()
        answers.append(upload(content))
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ModelVersion.objects.count() == 1
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert {answer.json()["version"]["number"] for answer in answers if answer.status_code == 202} == {1}


@pytest.mark.parametrize("bad", ["", "x" * 256, "a b", "ä"])
def test_a_key_that_is_no_key_is_refused(send, served_version, bad):
    served_version()
    refused = send("models/oracle/versions/1/deprecate", idempotency_key=bad)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_idempotency_key")


def test_a_deletion_is_repeated_with_its_empty_answer(send, served_version):
    served_version()
    first, second = send("models/oracle", method="delete"), send("models/oracle", method="delete")
    assert (first.status_code, second.status_code, second.content) == (204, 204, b"")
    assert second.headers["Idempotency-Replayed"] == "true"


def test_answers_are_forgotten_after_a_day(send, served_version):
    served_version()
    send("models/oracle/versions/1/deprecate")
    assert idempotency.prune() == 0
    IdempotentCall.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert send("models/oracle/versions/1/deprecate").json()["error"]["code"] == "already_deprecated"
    IdempotentCall.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert idempotency.prune() == 1


def test_a_prediction_takes_no_notice_of_a_key(ada, served_version):
    served_version()
    key = accounts_services.create_key(by=ada, owner=ada, name="p", scopes=["predict"])[1]
    headers = {"X-API-Key": key, "Idempotency-Key": "k"}
    body = json.dumps({"instances": [[1, 2]]})
    answer = Client().post("/api/v1/predict/oracle:1", body, content_type="application/json", headers=headers)
    assert answer.status_code == 200
    assert not IdempotentCall.objects.exists()
