"""The pages that ask before a version or a model is deprecated, archived or restored, and the words about a version."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent
from registry import services, timeline
from registry.models import Deployment, ModelVersion, Status, VersionEvent

pytestmark = pytest.mark.django_db


def signed_in(user: Any) -> Client:
    user.is_staff = True
    user.save()
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def client(ada: Any) -> Client:
    return signed_in(ada)


def page_of(version: ModelVersion, step: str = "change") -> str:
    return f"/admin/registry/modelversion/{version.pk}/{step}/"


def model_page(version: ModelVersion, step: str = "change") -> str:
    return f"/admin/registry/registeredmodel/{version.model_id}/{step}/"


def said(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def offers(answer: Any) -> dict[str, str]:
    """Label of each action to the reason why it can't be done."""
    return {action.label: action.why_not for action in answer.context["actions"]}


@pytest.mark.parametrize(("step", "status"), [("deprecate", Status.DEPRECATED), ("archive", Status.ARCHIVED)])
def test_a_version_is_retired_with_a_reason_and_restored(client, ada, served_version, step, status):
    version = served_version()
    assert "What happens" in client.get(page_of(version, step)).content.decode()
    version.refresh_from_db()
    assert version.status == Status.READY
    client.post(page_of(version, step), {"note": "It is old."})
    version.refresh_from_db()
    event = VersionEvent.objects.get()
    assert (version.status, event.by, event.note) == (status, ada, "It is old.")
    assert "It is old." in client.get(page_of(version)).content.decode()
    client.post(page_of(version, "restore"), {"note": ""})
    version.refresh_from_db()
    assert version.status == Status.READY


def test_what_cannot_be_done_says_why_and_is_not_done(client, ada, served_version):
    version = served_version()
    services.activate(version=version, by=ada)
    offered = offers(client.get(page_of(version)))
    assert offered["Activate version 1"] == "It is live already."
    assert offered["Archive"] == "It is live: activate another version first."
    assert offered["Roll back"] == "Nothing was live before."
    assert offered["Deprecate"] == ""
    assert "It is live" in said(client.post(page_of(version, "archive")))
    version.refresh_from_db()
    assert version.status == Status.READY


def test_somebody_else_sees_why_they_may_not(bob, served_version):
    version = served_version()
    client = signed_in(bob)
    offered = offers(client.get(page_of(version)))
    for label in ("Activate version 1", "Deprecate", "Archive", "Restore"):
        assert "Only its owner" in offered[label]
    assert "Only someone who may mark" in offered["Trust"]
    for step in ("deprecate", "archive", "restore"):
        assert "Only its owner" in said(client.post(page_of(version, step)))
    for step in ("archive", "restore"):
        client.post(model_page(version, step))
    version.refresh_from_db()
    assert (version.status, version.model.archived_at) == (Status.READY, None)


def test_a_model_is_archived_and_restored(client, ada, served_version):
    version = served_version()
    services.activate(version=version, by=ada)
    assert "p-live" in client.get(model_page(version)).content.decode()
    client.post(model_page(version, "archive"), {"note": "No longer needed"})
    version.model.refresh_from_db()
    assert version.model.archived_at is not None
    assert "p-live" not in client.get(model_page(version)).content.decode()
    lists = [client.get(f"/admin/registry/registeredmodel/?archived=yes{rest}") for rest in ("", "&live=yes")]
    assert ["version 1" in one.content.decode() for one in lists] == [False, False]
    assert [one.context["cl"].result_count for one in lists] == [1, 0]
    offered = offers(client.get(model_page(version)))
    assert "Archive the model" not in offered
    assert "archived already" in said(client.post(model_page(version, "archive")))
    assert offers(client.get(page_of(version)))["Activate version 1"] == "The model is archived: restore it first."
    client.post(model_page(version, "restore"))
    version.model.refresh_from_db()
    assert version.model.archived_at is None


def test_a_forged_form_and_a_stranger_change_nothing(ada, served_version):
    version = served_version()
    signed_in(ada)
    forger = Client(enforce_csrf_checks=True)
    forger.force_login(ada)
    for address in (page_of(version, "archive"), model_page(version, "archive"), page_of(version)):
        assert forger.post(address, {"notes": "x"}).status_code == 403
        assert "/admin/login/" in Client().post(address)["Location"]
    version.refresh_from_db()
    assert (version.status, version.notes) == (Status.READY, "")


def test_the_file_is_saved_and_never_shown_and_that_is_audited(client, ada, served_version):
    version = served_version()
    answer = client.get(page_of(version, "download"))
    assert answer["Content-Disposition"] == 'attachment; filename="oracle-v1.onnx"'
    assert answer["Content-Type"] == "application/octet-stream"
    assert hashlib.sha256(b"".join(answer.streaming_content)).hexdigest() == version.sha256
    assert AuditEvent.objects.filter(action="version.downloaded").count() == 1
    assert client.post(page_of(version, "download")).status_code == 405
    assert "no compiled form" in said(client.get(page_of(version, "download") + "?form=compiled"))


def test_a_version_the_platform_took_out_of_service_says_why_and_is_restored(client, ada, served_version):
    version = served_version()
    services.quarantine(version=version, reason="It <b>crashed</b> three times.")
    answer = client.get(page_of(version))
    assert "It &lt;b&gt;crashed&lt;/b&gt; three times." in answer.content.decode()
    assert offers(answer)["Activate version 1"] == "The platform took it out of service: restore it first."
    client.post(page_of(version, "restore"))
    version.refresh_from_db()
    assert version.quarantined_at is None


# -- Words about a version ----------------------------------------------------------------------------


def test_notes_are_shown_as_the_markdown_they_are(client, served_version):
    version = served_version()
    version.notes = "Trained in **May** <script>alert(1)</script>"
    version.save(update_fields=["notes"])
    page = client.get(page_of(version)).content.decode()
    assert "Trained in <strong>May</strong> &lt;script&gt;alert(1)" in page


def test_notes_metrics_and_tags_are_edited_on_the_page(client, served_version):
    version = served_version()
    values = {"notes": "Trained in May", "metrics": "auc = 0.93 (test)\n\naccuracy = 1e-1", "tags": "may, eu, may"}
    client.post(page_of(version), values)
    version.refresh_from_db()
    assert (version.notes, version.tags) == ("Trained in May", ["may", "eu"])
    assert version.metrics == [
        {"name": "accuracy", "value": 0.1, "dataset": ""},
        {"name": "auc", "value": 0.93, "dataset": "test"},
    ]
    form = client.get(page_of(version)).context["form"]
    assert form["metrics"].value() == "accuracy = 0.1\nauc = 0.93 (test)"
    assert form["tags"].value() == "may, eu"


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("metrics", "auc"),
        ("metrics", "auc = high"),
        ("metrics", "auc = true"),
        ("metrics", "auc = 1e999"),
        ("metrics", "auc = 1 (test)\nauc = 2 (test)"),
        ("tags", "x" * 51),
        ("notes", "x" * 20_001),
    ],
)
def test_wrong_words_are_named_beside_their_field_and_change_nothing(client, served_version, field, text):
    version = served_version()
    answer = client.post(page_of(version), {"notes": "", "metrics": "", "tags": "", field: text})
    assert answer.context["form"].errors[field]
    assert answer.context["version"].tags == []
    version.refresh_from_db()
    assert (version.notes, version.metrics, version.tags) == ("", [], [])


def test_somebody_else_may_not_describe_a_version(bob, served_version):
    version = served_version()
    client = signed_in(bob)
    assert client.post(page_of(version), {"notes": "mine"}).status_code == 403
    assert client.get(page_of(version)).context["may_describe"] is False


def test_words_are_shown_and_never_run(client, served_version):
    version = served_version()
    hostile = "<script>alert(1)</script>"
    client.post(page_of(version), {"notes": hostile, "metrics": f"{hostile} = 1", "tags": hostile})
    body = client.get(page_of(version)).content.decode()
    assert hostile not in body
    assert body.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3


# -- History ------------------------------------------------------------------------------------------


def test_the_history_tells_how_long_each_version_was_live_and_what_else_happened(client, ada, served_version):
    first, second = served_version(), served_version(offset=2.0)
    services.activate(version=first, by=ada)
    services.activate(version=second, by=ada, note="better")
    services.rollback(model=first.model, by=ada)
    services.deprecate(version=second, by=ada)
    begin = timezone.now() - timedelta(days=3)
    rows = list(Deployment.objects.order_by("pk"))
    for row, (opened, closed) in zip(rows, [(0, 50), (50, 51), (51, None)], strict=True):
        Deployment.objects.filter(pk=row.pk).update(
            activated_at=begin + timedelta(hours=opened),
            closed_at=closed and begin + timedelta(hours=closed),
        )
    entries = timeline.of_model(first.model, limit=10)
    assert [(entry.title, entry.version.number, entry.lasted) for entry in entries] == [
        ("Deprecated", 2, ""),
        ("Rolled back to", 1, "21 hours"),
        ("Activated", 2, "1 hour"),
        ("Activated", 1, "2 days 2 hours"),
    ]
    assert len(timeline.of_model(first.model, limit=2)) == 2
    assert [entry.title for entry in timeline.of_version(second, limit=10)] == ["Deprecated", "Activated"]
    body = client.get(model_page(first)).content.decode()
    assert "was live for 2 days 2 hours" in body
    assert "live for 21 hours so far" in body


def test_a_moment_is_asked_for_and_answered(client, ada, served_version):
    version = served_version()
    services.activate(version=version, by=ada)
    begin = timezone.now() - timedelta(days=3)
    Deployment.objects.update(activated_at=begin)
    moment = (begin + timedelta(hours=1)).isoformat()
    assert client.get(model_page(version), {"moment": moment}).context["was_live"].version == version
    before = (begin - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    answer = client.get(model_page(version), {"at": before})
    assert answer.context["was_live"] is None
    assert "Nothing was live at" in answer.content.decode()
    for wrong in ("yesterday", "2026-99-99T00:00"):
        assert "That is no date" in client.get(model_page(version), {"at": wrong}).content.decode()


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(0), "less than a second"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=61), "1 minute 1 second"),
        (timedelta(hours=2, seconds=5), "2 hours"),
        (timedelta(days=40, hours=1, minutes=5), "40 days 1 hour"),
        (timedelta(seconds=-5), "less than a second"),
    ],
)
def test_a_length_of_time_is_told_in_its_two_largest_units(length, words):
    assert timeline.span(length) == words
