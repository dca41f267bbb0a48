"""The registry as a client sees it."""

import io
import json
import pickle

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts import services as accounts_services
from registry import services
from registry.models import ModelVersion, RegisteredModel
from tests import toys
from tests.registry.test_recognise import RunsACommand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key_of():
    return lambda user, *scopes: accounts_services.create_key(by=user, owner=user, name="tests", scopes=list(scopes))[1]


@pytest.fixture
def upload(client, ada, key_of):
    key = key_of(ada, "upload", "read")

    def upload(content=None, query="", credential=key, **fields):
        form = {"name": "toy", **fields}
        if content is not None:
            form["file"] = SimpleUploadedFile(form.pop("filename", "model.bin"), content)
        response = client.post(f"/api/v1/models/upload{query}", form, headers={"X-API-Key": credential})
        return response.status_code, response.json()

    return upload


@pytest.fixture
def get(client, ada, key_of):
    key = key_of(ada, "read")

    def get(path, credential=key):
        response = client.get(f"/api/v1/{path}", headers={"X-API-Key": credential})
        return response.status_code, response.json()

    return get


def test_an_upload_is_accepted_and_waits_to_be_validated(upload, get):
    status, body = upload(toys.oracle(1.0))
    assert status == 202
    assert body == {
        "model": {"id": RegisteredModel.objects.get().pk, "name": "toy"},
        "version": {"number": 1, "status": "pending"},
        "url": "/api/v1/models/toy/versions/1",
    }
    assert get(body["url"].removeprefix("/api/v1/"))[1]["status"] == "pending"


def test_what_is_sent_with_the_file_is_kept(upload):
    upload(
        toys.oracle(1.0),
        task="regression",
        sample=json.dumps([[1, 2]]),
        expected="[2]",
        metrics='{"r2": 0.9}',
        tags='["demo"]',
        description="Toy",
        visibility="internal",
    )
    version = ModelVersion.objects.select_related("model").get()
    assert (version.sample, version.expected) == ([[1, 2]], [2])
    assert version.metrics == [{"name": "r2", "value": 0.9, "dataset": ""}]
    assert (version.model.task, version.model.tags, version.model.description, version.model.visibility) == (
        "regression",
        ["demo"],
        "Toy",
        "internal",
    )


BAD_FILES = [
    (b"", 422, "empty"),
    (b"\x89PNG\r\n\x1a\n" + b"0" * 50, 422, "unknown_format"),
    (toys.oracle(1.0)[:-9], 422, "unreadable"),
    (b"PK\x03\x04" + b"0" * 50, 422, "unreadable"),
]


@pytest.mark.parametrize(("content", "status", "code"), BAD_FILES)
def test_a_bad_file_is_refused_with_its_field_and_nothing_is_kept(upload, var_dir, content, status, code):
    got, body = upload(content)
    assert (got, body["error"]["code"]) == (status, code)
    assert body["error"]["details"]["field"] == "file"
    assert not ModelVersion.objects.exists()
    assert [path for path in var_dir.rglob("*") if path.is_file() and path.parent.name in ("uploads", "v1")] == []


def test_a_pickle_that_runs_a_command_is_refused_at_the_door(upload, tmp_path):
    canary = tmp_path / "canary"
    status, body = upload(pickle.dumps(RunsACommand(canary)))
    assert (status, body["error"]["code"]) == (422, "pickle_forbidden_global")
    assert not canary.exists()


def test_a_file_over_the_limit_is_413_and_not_kept(upload, settings, var_dir):
    settings.MAX_ARTIFACT_BYTES = 1000
    for size in (1001, 3_000_000):
        status, body = upload(b"\x08" * size)
        assert (status, body["error"]["code"], body["error"]["details"]["limit_bytes"]) == (
            413,
            "artifact_too_large",
            1000,
        )
    assert list((var_dir / "uploads").iterdir()) == []


def test_a_missing_file_or_name_is_named(upload):
    assert "file" in upload()[1]["error"]["details"]["fields"]
    status, body = upload(toys.oracle(1.0), name="")
    assert status == 422
    assert "name" in body["error"]["details"]["fields"]


def test_rows_may_come_as_files_too(upload):
    status, _ = upload(
        toys.oracle(1.0),
        sample=SimpleUploadedFile("rows.json", b"[[1, 2]]"),
        expected=SimpleUploadedFile("expected.json", b"[2]"),
    )
    version = ModelVersion.objects.get()
    assert (status, version.sample, version.expected) == (202, [[1, 2]], [2])


@pytest.mark.parametrize(("content", "limit", "code"), [(b"age,income", 100, "json"), (b"[[1, 2]]", 7, "too_large")])
def test_a_file_of_rows_that_cannot_be_read_is_refused(upload, settings, content, limit, code):
    settings.MAX_BODY_BYTES = limit
    status, body = upload(toys.oracle(1.0), sample=SimpleUploadedFile("rows", content))
    assert (status, body["error"]["details"]["fields"]["sample"][0]["code"]) == (422, code)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"colour": "red"}, 400),
        ({"sample": "{"}, 422),
        ({"sample": "[NaN]"}, 422),
        ({"task": "sorcery"}, 422),
        ({"name": "Bad Name"}, 422),
        ({"owner": "root"}, 400),
        ({"sha256": "00"}, 422),
        ({"status": "ready"}, 400),
    ],
)
def test_wrong_and_unknown_fields_are_refused(upload, fields, status):
    assert upload(toys.oracle(1.0), **fields)[0] == status
    assert not ModelVersion.objects.exists()


def test_trust_cannot_be_taken(upload):
    assert upload(toys.oracle(1.0), trusted="true")[0] == 403


def test_a_hostile_file_name_is_data_and_never_a_path(upload, var_dir):
    names = ("../../evil.onnx", "..\\..\\x", "%2e%2e%2fx", "%252e%252e%252fx", "/etc/passwd", "C:\\x", "a\x00b")
    more = ("a\r\nSet-Cookie: b", "x.", "x ", "CON", "x" * 300 + ".onnx", "‮gnp.onnx", "🦊.onnx", "e\u0301.onnx")
    for name in names + more:
        assert upload(toys.oracle(1.0), filename=name)[0] == 202
    assert {path.name for path in (var_dir / "models").rglob("*") if path.is_file()} == {"model.onnx"}


def test_two_files_in_one_field_are_refused(client, key_of, ada):
    files = [SimpleUploadedFile("a.onnx", toys.oracle(1.0)), SimpleUploadedFile("b.onnx", toys.oracle(2.0))]
    answer = client.post(
        "/api/v1/models/upload", {"name": "toy", "file": files}, headers={"X-API-Key": key_of(ada, "upload")}
    )
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (422, "file")


def test_a_json_body_is_not_an_upload(client, ada, key_of):
    response = client.post(
        "/api/v1/models/upload",
        "{}",
        content_type="application/json",
        headers={"X-API-Key": key_of(ada, "upload")},
    )
    assert response.status_code == 415


def test_uploading_needs_the_scope_and_the_right(upload, ada, key_of):
    assert upload(toys.oracle(1.0), credential=key_of(ada, "predict"))[0] == 403
    ada.user_permissions.clear()
    assert upload(toys.oracle(1.0), credential=key_of(ada, "predict", "read"))[0] == 403


def test_who_waits_is_told_how_the_validation_ended(upload, monkeypatch):
    def fail(version, **_):
        services.mark_failed(
            version=services.claim_for_validation(seconds=9, max_attempts=3),
            code="no_predict",
            message="It can't predict.",
            field="file",
        )
        return refresh(version)

    refresh = ModelVersion.refresh_from_db
    monkeypatch.setattr(ModelVersion, "refresh_from_db", fail)
    status, body = upload(toys.oracle(1.0), query="?wait=5")
    assert (status, body["error"]["code"]) == (422, "no_predict")
    assert body["error"]["details"]["version"] == {"number": 1, "status": "failed"}


def test_models_are_listed_filtered_searched_and_ordered(get, ada, bob, served_version):
    served_version(name="beta")
    services.activate(version=served_version(name="alpha"), by=ada)
    services.upload_version(by=bob, name="bobs", file=io.BytesIO(toys.oracle(1)))

    def names(query=""):
        status, body = get(f"models{query}")
        assert status == 200, body
        return [row["name"] for row in body["results"]]

    assert names() == ["alpha", "beta"]
    assert names("?ordering=-name") == ["beta", "alpha"]
    assert names("?search=BET") == ["beta"]
    assert names("?status=active") == ["alpha"]
    assert names("?task=classification") == []
    assert names("?owner=ada@example.org&page_size=1&page=2") == ["beta"]
    assert get("models?colour=red")[0] == 400
    assert get("models?ordering=owner__password")[0] == 400


def test_a_model_tells_what_is_live_and_its_versions_which_is(get, ada, served_version):
    served_version()
    services.activate(version=served_version(), by=ada)
    assert get("models/oracle")[1]["active_version"] == 2
    versions = get("models/oracle/versions")[1]["results"]
    assert [(row["number"], row["is_active"]) for row in versions] == [(2, True), (1, False)]
    assert [row["number"] for row in get("models/oracle/versions?status=active")[1]["results"]] == [2]
    assert get("models/oracle/versions/1")[1]["is_active"] is False
    assert get("models/oracle/versions/3")[0] == 404
    assert get("models/ghost")[0] == 404


def test_a_version_tells_how_its_answers_are_explained(get, served_version):
    version = served_version()
    assert get("models/oracle/versions/1")[1]["explanation"] == {}
    version.explanation = {"code": "not_covered", "message": "No explanations: SVC."}
    version.save()
    assert get("models/oracle/versions/1")[1]["explanation"] == version.explanation


def test_the_ledger_tells_what_was_live_at_any_moment(get, ada, served_version):
    first, second = served_version(), served_version()
    before = services.activate(version=first, by=ada, note="first")
    after = services.activate(version=second, by=ada, note="second")
    assert [(row["version"], row["action"], row["note"]) for row in get("models/oracle/history")[1]["results"]] == [
        (2, "activate", "second"),
        (1, "activate", "first"),
    ]
    [at] = get(f"models/oracle/history?at={before.activated_at.isoformat()}")[1]["results"]
    assert at["version"] == (1 if before.activated_at < after.activated_at else 2)
    assert get("models/oracle/history?at=yesterday")[0] == 400


def test_a_model_is_changed_and_archived_by_its_owner_alone(client, ada, bob, key_of, served_version):
    model = served_version().model
    services.change_model(model=model, by=ada, visibility="internal")

    def patch(user, **body):
        return client.patch(
            "/api/v1/models/oracle",
            json.dumps(body),
            content_type="application/json",
            headers={"X-API-Key": key_of(user, "upload")},
        )

    assert patch(bob, description="mine").status_code == 403
    assert patch(ada, description="hers", max_batch_rows=5000).json()["max_batch_rows"] == 5000
    assert patch(ada, max_batch_rows=10_001).status_code == 422
    kept = {
        "record_policy": "hashed", "record_redacted": ["ssn"], "record_sample_rate": 0.5, "record_retention_days": 7,
    }  # fmt: skip
    answered = patch(ada, **kept).json()
    assert {name: answered[name] for name in kept} == kept
    for name, wrong in (
        ("record_policy", "some"), ("record_redacted", "ssn"), ("record_redacted", ["x" * 201]),
        ("record_redacted", [""]), ("record_redacted", ["a\nb"]), ("record_redacted", ["x"] * 101),
        ("record_sample_rate", 1.01), ("record_sample_rate", "half"), ("record_retention_days", -1),
    ):  # fmt: skip
        refused = patch(ada, **{name: wrong})
        assert refused.status_code in (400, 422), (name, wrong)
        assert name in json.dumps(refused.json()["error"]["details"])
    assert patch(ada, deadline_ms=250, cache_ttl_seconds=0, fallback="unknown").json()["deadline_ms"] == 250
    assert patch(ada, deadline_ms=None, load_policy="lazy").json()["deadline_ms"] is None
    assert patch(ada, deadline_ms=0).status_code == 422
    assert patch(ada, fallback={"answer": "unknown"}).status_code == 422
    assert patch(ada, owner="bob@example.org").status_code == 400
    assert client.delete("/api/v1/models/oracle", headers={"X-API-Key": key_of(bob, "upload")}).status_code == 403
    assert client.delete("/api/v1/models/oracle", headers={"X-API-Key": key_of(ada, "upload")}).status_code == 204
    assert RegisteredModel.objects.get().archived_at is not None


def test_a_key_limited_to_some_models_reaches_no_others(client, upload, get, ada, served_version):
    served_version(name="mine")
    served_version(name="other")
    limited = accounts_services.create_key(
        by=ada, owner=ada, name="limited", scopes=["read", "upload", "activate"], model_names=["mine"]
    )[1]
    assert [row["name"] for row in get("models", limited)[1]["results"]] == ["mine"]
    assert get("models/mine/versions/1", limited)[0] == 200
    assert get("models/other", limited)[0] == get("models/other/versions/1", limited)[0] == 404
    assert upload(toys.oracle(1.0), name="other", credential=limited)[0] == 403
    path = "/api/v1/models/other/versions/1/activate"
    assert client.post(path, "{}", content_type="application/json", headers={"X-API-Key": limited}).status_code == 404


# -- The later life of a version ----------------------------------------------------------------------


@pytest.fixture
def post(client, ada, key_of):
    key = key_of(ada, "activate", "upload", "read")

    def post(path, body=None, method="post", credential=key):
        response = getattr(client, method)(
            f"/api/v1/{path}",
            json.dumps(body or {}),
            content_type="application/json",
            headers={"X-API-Key": credential},
        )
        return response.status_code, response.json()

    return post


def test_a_version_is_deprecated_archived_and_restored_with_a_reason(post, get, served_version):
    served_version()
    assert post("models/oracle/versions/1/deprecate", {"note": "old"})[1]["status"] == "deprecated"
    assert post("models/oracle/versions/1/archive", {"note": "older"})[1]["status"] == "archived"
    status, body = post("models/oracle/versions/1/restore")
    assert (status, body["status"]) == (200, "ready")
    told = [(event["kind"], event["note"], event["by"]) for event in body["events"]]
    assert told == [
        ("restored", "", "ada@example.org"),
        ("archived", "older", "ada@example.org"),
        ("deprecated", "old", "ada@example.org"),
    ]
    assert post("models/oracle/versions/1/restore")[1]["error"]["code"] == "not_retired"


def test_the_live_version_is_not_archived(post, ada, served_version):
    services.activate(version=served_version(), by=ada)
    status, body = post("models/oracle/versions/1/archive")
    assert (status, body["error"]["code"]) == (409, "version_is_live")


def test_tags_notes_and_metrics_of_a_version_are_patched(post, get, served_version):
    served_version()
    metrics = [{"name": "r2", "value": 0.75, "dataset": "test"}]
    status, body = post("models/oracle/versions/1", {"tags": ["a"], "notes": "n", "metrics": metrics}, method="patch")
    assert (status, body["tags"], body["notes"], body["metrics"]) == (200, ["a"], "n", metrics)
    status, body = post("models/oracle/versions/1", {"metrics": {"r2": 0.8}}, method="patch")
    assert (status, body["metrics"]) == (200, [{"name": "r2", "value": 0.8, "dataset": ""}]), "as an upload takes them"
    status, body = post("models/oracle/versions/1", {"metrics": [metrics[0], metrics[0]]}, method="patch")
    assert (status, body["error"]["details"]) == (422, {"field": "metrics", "index": 1})
    assert get("models/oracle/versions?tag=a")[1]["count"] == 1
    assert get("models/oracle/versions?tag=b")[1]["count"] == 0
    assert post("models/oracle/versions/1", {"sha256": "0" * 64}, method="patch")[0] == 400


def test_models_are_found_by_one_of_their_tags_in_full(upload, get):
    upload(toys.oracle(1.0), tags='["über \\"alles\\"", "demo"]')
    upload(toys.oracle(1.0), name="other", tags='["demonstration"]')
    assert [row["name"] for row in get("models?tag=demo")[1]["results"]] == ["toy"]
    assert [row["name"] for row in get('models?tag=über "alles"')[1]["results"]] == ["toy"]
    assert get("models?tag=dem%")[1]["count"] == 0


def test_an_archived_model_is_restored_by_its_owner(post, client, ada, key_of, served_version):
    served_version()
    assert client.delete("/api/v1/models/oracle", headers={"X-API-Key": key_of(ada, "upload")}).status_code == 204
    status, body = post("models/oracle/restore", {"note": "after all"})
    assert (status, body["archived_at"]) == (200, None)
