"""The registry in the admin: upload form, lists, the pages of a model and of a version."""

import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry import services
from registry.models import ModelVersion, RegisteredModel, Status, Visibility

pytestmark = pytest.mark.django_db

ADD, MODELS, VERSIONS = (
    "/admin/registry/modelversion/add/",
    "/admin/registry/registeredmodel/",
    "/admin/registry/modelversion/",
)
SCRIPT = "<script>alert(1)</script>"


def signed_in(user: Any) -> Client:
    user.is_staff = True
    user.save()
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def client(ada: Any) -> Client:
    return signed_in(ada)


def sent(file: io.BytesIO | None, **values: Any) -> dict[str, Any]:
    form = {"name": "toy", "visibility": "private", **values}
    return form if file is None else form | {"file": SimpleUploadedFile("model.joblib", file.read())}


def page_of(version: ModelVersion) -> str:
    return f"{VERSIONS}{version.pk}/change/"


def failed(version: ModelVersion, **facts: Any) -> ModelVersion:
    claimed = services.claim_for_validation(seconds=60, max_attempts=3)
    assert claimed == version
    facts = {"code": "not_compilable", "message": "No converter for this.", "field": "file", **facts}
    return services.mark_failed(version=claimed, **facts)


def uploaded(by: Any, file: io.BytesIO, name: str = "toy", **facts: Any) -> ModelVersion:
    return services.upload_version(by=by, name=name, file=file, filename="model.joblib", **facts)


def test_the_trail_above_a_page_names_things_as_they_are_called(client: Client, ada: Any, toy_file: io.BytesIO) -> None:
    page = client.get(page_of(uploaded(ada, toy_file))).content.decode()
    trail = re.findall(r'class="p-crumb">(.*?)<', page)

    assert trail == ["Registry", "Versions", "toy:1"]


# -- Upload -------------------------------------------------------------------------------------------


def test_an_upload_leads_to_the_page_of_its_version(client, toy_file):
    answer = client.post(ADD, sent(toy_file, description="Toy", sample="[[1, 0]]", expected='["yes"]'))
    version = ModelVersion.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, page_of(version))
    assert (str(version), version.status, version.original_name) == ("toy:1", Status.PENDING, "model.joblib")
    assert (version.sample, version.expected, version.model.description) == ([[1, 0]], ["yes"], "Toy")


def test_an_upload_carries_what_is_said_about_the_version(client, toy_file):
    words = {"notes": "Trained in May", "version_tags": "may, eu", "metrics": "auc = 0.93 (test)"}
    body = client.get(ADD).content.decode()
    assert all(f'name="{name}"' in body for name in words)
    client.post(ADD, sent(toy_file, **words))
    version = ModelVersion.objects.get()
    assert (version.notes, version.tags) == ("Trained in May", ["may", "eu"])
    assert version.metrics == [{"name": "auc", "value": 0.93, "dataset": "test"}]


def test_a_script_that_uploads_is_told_where_the_version_is(client, toy_file):
    answer = client.post(ADD, sent(toy_file), headers={"X-Requested-With": "XMLHttpRequest"})
    version = ModelVersion.objects.get()
    assert (answer.status_code, answer.json()) == (
        201,
        {"version": "toy:1", "url": page_of(version), "progress_url": f"{VERSIONS}{version.pk}/progress/"},
    )


def test_a_script_that_uploads_nonsense_is_told_the_field(client):
    answer = client.post(ADD, sent(io.BytesIO(b"no model")), headers={"X-Requested-With": "XMLHttpRequest"})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["file"]


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": "Not A Name"}, "name", "lower-case"),
        ({"sample": "[[1, 0]"}, "sample", "is not JSON"),
        ({"sample": "[[1, NaN]]"}, "sample", "NaN"),
        ({"sample": '{"a": 1}'}, "sample", "list of at least one row"),
        ({"expected": '["yes"]'}, "expected", "one expected prediction for each row"),
        ({"task": "guessing"}, "task", "valid choice"),
        ({"description": "a\0b"}, "description", "Null characters"),
    ],
)
def test_a_wrong_value_is_explained_beside_its_field(client, toy_file, changes, field, said):
    answer = client.post(ADD, sent(toy_file, **changes))
    assert answer.status_code == 200
    assert said in " ".join(answer.context["form"].errors[field])
    assert not ModelVersion.objects.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "Choose a model file"),
        (b"", "empty"),
        (b"hello there", "neither an ONNX"),
        (b"PK\x03\x04zip", "zip file is cut off"),
    ],
)
def test_a_file_that_is_no_model_is_refused_at_the_form(client, content, said):
    answer = client.post(ADD, sent(None if content is None else io.BytesIO(content)))
    assert said in " ".join(answer.context["form"].errors["file"])
    assert not RegisteredModel.objects.exists()


def test_a_file_over_the_limit_is_refused_at_the_form(client, toy_file, settings):
    settings.MAX_ARTIFACT_BYTES = 100
    answer = client.post(ADD, sent(toy_file))
    assert "larger than 100" in " ".join(answer.context["form"].errors["file"])
    assert not ModelVersion.objects.exists()


def test_a_name_that_somebody_else_has_is_refused_at_the_name(client, bob, toy_file):
    uploaded(bob, toy_file)
    toy_file.seek(0)
    answer = client.post(ADD, sent(toy_file))
    assert "name" in answer.context["form"].errors
    assert ModelVersion.objects.count() == 1


def test_the_form_for_a_known_model_is_prefilled_with_its_name(client, ada, toy_file):
    uploaded(ada, toy_file)
    body = client.get(f"{ADD}?model=toy").content.decode()
    assert 'value="toy"' in body
    assert "This becomes version 2" in body


def test_only_who_may_upload_sees_the_form(ada, toy_file):
    ada.user_permissions.clear()
    client = signed_in(ada)
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, sent(toy_file)).status_code == 403
    assert not ModelVersion.objects.exists()


def test_the_trusted_mark_is_offered_to_holders_of_its_permission_only(client, root, toy_file):
    assert 'name="trusted"' not in client.get(ADD).content.decode()
    assert 'name="trusted"' in signed_in(root).get(ADD).content.decode()
    client.post(ADD, sent(toy_file, trusted="on"))
    assert ModelVersion.objects.get().trusted is False


def test_a_forged_form_is_refused(ada, toy_file):
    signed_in(ada)
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert client.post(ADD, sent(toy_file)).status_code == 403
    assert not ModelVersion.objects.exists()


# -- The page of a version ----------------------------------------------------------------------------


def test_a_waiting_version_shows_where_its_validation_is(client, ada, toy_file):
    version = uploaded(ada, toy_file)
    body = client.get(page_of(version)).content.decode()
    assert f'data-url="{VERSIONS}{version.pk}/progress/"' in body
    claimed = services.claim_for_validation(seconds=60, max_attempts=3)
    services.report_progress(version=claimed, step="Compiling", fraction=0.4)
    state = client.get(f"{VERSIONS}{version.pk}/progress/").json()
    assert state == {
        "status": "validating",
        "label": "Validating",
        "step": "Compiling",
        "percent": 40,
        "has_ended": False,
    }


def test_a_failed_version_says_why_and_what_to_do_next(client, ada, root, toy_file):
    version = failed(uploaded(ada, toy_file))
    body = client.get(page_of(version)).content.decode()
    assert "No converter for this." in body
    assert "not_compilable" in body
    assert "Upload a corrected file" in body
    assert "Trust and validate again" not in body
    assert client.get(f"{VERSIONS}{version.pk}/progress/").json()["has_ended"] is True
    assert "Trust and validate again" in signed_in(root).get(page_of(version)).content.decode()


def test_a_failure_that_trust_does_not_cure_offers_no_trust(ada, root, toy_file):
    version = failed(uploaded(ada, toy_file), code="unreadable")
    assert "Trust and validate again" not in signed_in(root).get(page_of(version)).content.decode()


def test_a_ready_version_offers_activation_and_a_call_by_its_number(client, served_version):
    version = served_version()
    body = client.get(page_of(version)).content.decode()
    assert f'href="/admin/versions/{version.pk}/activate/"' in body
    assert "/api/v1/predict/oracle:1 " in body
    assert "<code>x</code>" in body
    assert "float32" in body


def test_a_live_version_shows_since_when_and_how_to_call_it(client, ada, served_version):
    version = served_version()
    services.activate(version=version, by=ada, note="better")
    body = client.get(page_of(version)).content.decode()
    assert "Live since <time" in body
    assert "/api/v1/predict/oracle " in body
    assert "better" in body
    assert "/activate/" not in body
    assert "/rollback/" not in body


def test_the_second_live_version_offers_the_way_back(client, ada, served_version):
    first, second = served_version(), served_version(offset=2.0)
    services.activate(version=first, by=ada)
    services.activate(version=second, by=ada)
    body = client.get(page_of(second)).content.decode()
    assert f'href="/admin/models/{second.model_id}/rollback/"' in body
    assert "Roll back to version 1" in body
    assert page_of(first) in body


def test_only_what_people_say_can_be_posted_to_the_page_of_a_version(client, ada, toy_file):
    version = uploaded(ada, toy_file)
    client.post(page_of(version), {"status": "ready", "sha256": "0" * 64, "notes": "Mine"})
    changed = ModelVersion.objects.get()
    assert (changed.status, changed.sha256, changed.notes) == (version.status, version.sha256, "Mine")
    assert client.delete(page_of(version)).status_code == 405
    version.refresh_from_db()
    assert version.status == Status.PENDING


def test_what_people_write_is_shown_and_never_run(client, ada, toy_file):
    version = services.upload_version(
        by=ada,
        name="toy",
        file=toy_file,
        filename=f"{SCRIPT}.joblib",
        description=SCRIPT,
        tags=[SCRIPT],
        sample=[[SCRIPT, "'; rm -rf /"]],
    )
    failed(version, message=SCRIPT, report={"said": SCRIPT})
    for address in (
        page_of(version),
        f"{MODELS}{version.model_id}/change/",
        MODELS,
        VERSIONS,
        "/admin/",
        ADD + "?model=toy",
    ):
        body = client.get(address).content.decode()
        assert SCRIPT not in body
        assert not re.search(r"\son\w+=", re.sub(r"x-on:\S+|@\S+", "", body)), address


def test_no_page_carries_an_inline_script(client, ada, served_version):
    version = served_version()
    services.activate(version=version, by=ada)
    for address in (page_of(version), f"{MODELS}{version.model_id}/change/", ADD, "/admin/"):
        scripts = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", client.get(address).content.decode())
        assert scripts == []


# -- The page of a model ------------------------------------------------------------------------------


def test_the_page_of_a_model_tells_its_history_and_versions(client, ada, served_version):
    first, second = served_version(), served_version(offset=2.0)
    services.activate(version=first, by=ada, note="the first one")
    services.activate(version=second, by=ada, note="more rows")
    services.rollback(model=first.model, by=ada, note="it was worse")
    body = client.get(f"{MODELS}{first.model_id}/change/").content.decode()
    assert body.index("it was worse") < body.index("more rows") < body.index("the first one")
    assert "Rolled back to" in body
    assert "Version 1 is live" in body
    assert f"/admin/versions/{second.pk}/activate/" in body


def test_the_owner_changes_the_settings(client, ada, toy_file):
    model = uploaded(ada, toy_file).model
    values = {
        "description": "New words", "tags": "a, b, a,", "visibility": "internal",
        "max_batch_rows": "500", "record_policy": "hashed", "record_batches": "on",
        "record_redacted": "ssn\r\nname, first\r\nssn", "record_sample_rate": "0.5", "record_retention_days": "30",
        "load_policy": "lazy", "deadline_ms": "250", "cache_ttl_seconds": "0", "fallback": '"unknown"',
    }  # fmt: skip
    answer = client.post(f"{MODELS}{model.pk}/change/", values)
    model.refresh_from_db()
    assert answer.status_code == 302
    assert (model.description, model.tags, model.visibility) == ("New words", ["a", "b"], Visibility.INTERNAL)
    assert (model.max_batch_rows, model.record_policy, model.record_batches) == (500, "hashed", True)
    assert model.record_redacted == ["ssn", "name, first"]
    assert (model.record_sample_rate, model.record_retention_days) == (0.5, 30)
    assert (model.load_policy, model.deadline_ms, model.cache_ttl_seconds) == ("lazy", 250, 0)
    assert (model.max_queued, model.fallback) == (None, "unknown")
    assert "&quot;unknown&quot;" in client.get(f"{MODELS}{model.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_batch_rows", "10001"),
        ("max_batch_rows", "0"),
        ("visibility", "public"),
        ("tags", "x" * 51),
        ("deadline_ms", "0"),
        ("record_policy", "some"),
        ("record_redacted", "x" * 201),
        ("record_sample_rate", "1.5"),
        ("record_sample_rate", "nan"),
        ("record_retention_days", "-1"),
        ("fallback", "{}"),
        ("fallback", "unknown"),
    ],
)
def test_a_wrong_setting_changes_nothing(client, ada, toy_file, field, value):
    model = uploaded(ada, toy_file).model
    values = {
        "description": "New",
        "tags": "",
        "visibility": "private",
        "max_batch_rows": "5",
        "record_policy": "full",
        "record_sample_rate": "1",
        "load_policy": "preload",
        field: value,
    }
    answer = client.post(f"{MODELS}{model.pk}/change/", values)
    assert field in answer.context["form"].errors
    model.refresh_from_db()
    assert (model.description, model.max_batch_rows) == ("", 100)


def test_somebody_else_reads_the_settings_and_cannot_change_them(bob, ada, toy_file):
    model = uploaded(ada, toy_file).model
    client = signed_in(bob)
    assert "Only its owner may change them" in client.get(f"{MODELS}{model.pk}/change/").content.decode()
    assert client.post(f"{MODELS}{model.pk}/change/", {"description": "mine"}).status_code == 403


def test_a_version_in_quarantine_says_why_and_offers_to_restore_it(client, ada, served_version):
    version = served_version()
    services.quarantine(version=version, reason="3 crashed processes within <60> seconds.")
    page = client.get(f"{VERSIONS}{version.pk}/change/").content.decode()
    assert "3 crashed processes within &lt;60&gt; seconds." in page
    assert f"{VERSIONS}{version.pk}/restore/" in page


# -- Lists and rights ---------------------------------------------------------------------------------


def test_adding_a_model_leads_to_the_upload(client):
    assert client.get(f"{MODELS}add/")["Location"] == ADD


@pytest.mark.parametrize("kind", [MODELS, VERSIONS])
def test_nothing_can_be_deleted(root, ada, toy_file, kind):
    version = uploaded(ada, toy_file)
    pk = version.model_id if kind == MODELS else version.pk
    client = signed_in(root)
    assert client.post(f"{kind}{pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(kind, {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    assert ModelVersion.objects.filter(pk=version.pk).exists()


def test_a_person_without_a_registry_right_sees_nothing_of_it(ada, toy_file):
    version = uploaded(ada, toy_file)
    ada.user_permissions.clear()
    client = signed_in(ada)
    assert client.get(VERSIONS).status_code == 403
    assert client.get(page_of(version)).status_code == 403
    assert client.get(f"{VERSIONS}{version.pk}/progress/").status_code == 403


def test_strangers_are_sent_to_the_login(ada, toy_file):
    version = uploaded(ada, toy_file)
    for address in (ADD, MODELS, VERSIONS, page_of(version), f"{VERSIONS}{version.pk}/progress/"):
        assert "/admin/login/" in Client().get(address)["Location"]


@pytest.mark.parametrize("pk", ["999", "abc", "0"])
def test_a_version_that_does_not_exist_is_not_found(client, pk):
    assert client.get(f"{VERSIONS}{pk}/change/").status_code == 404


def test_filters_and_search_find_what_they_say(client, ada, served_version, joblib_file, toy_classifier):
    live = served_version()
    services.activate(version=live, by=ada)
    uploaded(ada, joblib_file(toy_classifier), name="waiting")

    def found(address: str) -> list[str]:
        return sorted(str(row) for row in client.get(address).context["cl"].result_list)

    assert found(MODELS) == ["oracle", "waiting"]
    assert found(f"{MODELS}?live=yes") == ["oracle"]
    assert found(f"{MODELS}?q=wait") == ["waiting"]
    assert found(f"{VERSIONS}?status__exact=pending") == ["waiting:1"]
    assert found(f"{VERSIONS}?live=no") == ["waiting:1"]
    services.archive_model(model=live.model, by=ada)
    assert found(MODELS) == ["waiting"]
    assert found(f"{MODELS}?archived=yes") == ["oracle"]
    assert found(f"{MODELS}?archived=all") == ["oracle", "waiting"]


def test_one_finds_what_is_ones_own_and_what_is_tagged(client, ada, bob, served_version, joblib_file, toy_classifier):
    mine = served_version()
    services.describe_version(version=mine, by=ada, tags=["spring"])
    services.change_model(model=mine.model, by=ada, tags=["oak"])
    uploaded(bob, joblib_file(toy_classifier), name="theirs", visibility="internal")

    def found(address: str) -> list[str]:
        return sorted(str(row) for row in client.get(address).context["cl"].result_list)

    assert found(f"{MODELS}?whose=mine") == ["oracle"]
    assert found(f"{MODELS}?whose=others") == ["theirs"]
    assert found(f"{VERSIONS}?whose=mine") == ["oracle:1"]
    assert found(f"{MODELS}?q=oak") == ["oracle"]
    assert found(f"{VERSIONS}?q=spring") == ["oracle:1"]
    assert found(f"{VERSIONS}?q=spring theirs") == []
    assert found(f"{VERSIONS}?q=oracle:1") == ["oracle:1"]
    assert found(f"{VERSIONS}?q=oracle:2") == []
    assert found(f"{VERSIONS}?q={mine.sha256[:8].upper()}") == ["oracle:1"]


def test_an_empty_list_says_what_to_do_next(client):
    for address in (MODELS, VERSIONS):
        body = client.get(address).content.decode()
        assert "Upload a model file" in body
        assert f'href="{address}add/' in body
        assert "Nothing matches" in client.get(f"{address}?q=nothing").content.decode()


def test_the_list_of_versions_reads_none_of_their_long_columns(client, served_version):
    served_version()
    client.get(VERSIONS)
    with CaptureQueriesContext(connection) as asked:
        client.get(VERSIONS)
    rows = [query["sql"] for query in asked if 'FROM "registry_modelversion"' in query["sql"]]
    assert rows
    for column in ("golden", "report", "sample", "signature", "notes"):
        assert not any(f'"registry_modelversion"."{column}"' in sql for sql in rows), column


@pytest.mark.parametrize("address", [MODELS, VERSIONS, "/admin/"])
def test_a_list_asks_as_often_for_many_rows_as_for_one(
    client, ada, served_version, address, django_assert_max_num_queries
):
    services.activate(version=served_version("first"), by=ada)
    client.get(address)
    with django_assert_max_num_queries(50) as few:
        client.get(address)
    for number in range(5):
        services.activate(version=served_version(f"more{number}"), by=ada)
        served_version(f"more{number}", offset=2.0)
    with django_assert_max_num_queries(len(few)):
        client.get(address)


def test_the_page_of_a_model_asks_as_often_for_many_versions_as_for_one(
    client, ada, served_version, django_assert_max_num_queries
):
    services.activate(version=served_version(), by=ada)
    services.activate(version=(second := served_version(offset=2.0)), by=ada)
    address = f"{MODELS}{second.model_id}/change/"
    client.get(address)
    with django_assert_max_num_queries(50) as few:
        client.get(address)
    for number in range(3, 7):
        services.activate(version=served_version(offset=float(number)), by=ada)
    with django_assert_max_num_queries(len(few)):
        client.get(address)


def test_the_start_page_greets_a_newcomer_with_the_upload(client):
    body = client.get("/admin/").content.decode()
    assert "Welcome" in body
    assert f'href="{ADD}"' in body


def test_the_start_page_lists_what_is_live(client, ada, served_version):
    version = served_version()
    services.activate(version=version, by=ada)
    body = client.get("/admin/").content.decode()
    assert "1 model live" in body
    assert f'href="{page_of(version)}"' in body
