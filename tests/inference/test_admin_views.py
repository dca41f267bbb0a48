"""The pages that ask before they activate, roll back or trust."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from monitoring import processes
from registry import services
from registry.models import Deployment, ModelVersion, Status

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


def activate_page(version: ModelVersion) -> str:
    return f"/admin/versions/{version.pk}/activate/"


def rollback_page(version: ModelVersion) -> str:
    return f"/admin/models/{version.model_id}/rollback/"


def trust_page(version: ModelVersion) -> str:
    return f"/admin/versions/{version.pk}/trust/"


def said(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def live(version: ModelVersion) -> int | None:
    entry = version.model.open_deployment()
    return entry and entry.version.number


def agreed(client: Client, address: str, **values: str) -> Any:
    """Open the page and press its button."""
    seen = client.get(address).context["form"]["seen"].value()
    return client.post(address, {"seen": seen, **values})


def not_compilable(version: ModelVersion) -> ModelVersion:
    claimed = services.claim_for_validation(seconds=60, max_attempts=3)
    assert claimed == version
    return services.mark_failed(version=claimed, code="not_compilable", message="No converter.", field="file")


def test_looking_at_the_question_changes_nothing(client, ada, served_version):
    first, second = served_version(), served_version(offset=2.0)
    services.activate(version=first, by=ada)
    body = client.get(activate_page(second)).content.decode()
    assert "Version 1" in body
    assert "Activate oracle:2" in body
    client.get(rollback_page(first))
    assert (live(first), Deployment.objects.count()) == (1, 1)


def test_yes_activates_and_keeps_who_and_why(client, ada, served_version):
    version = served_version()
    answer = agreed(client, activate_page(version), note="It is better.")
    entry = version.model.open_deployment()
    assert answer["Location"] == f"/admin/registry/modelversion/{version.pk}/change/"
    assert (entry.version, entry.by, entry.note, entry.action) == (version, ada, "It is better.", "activate")
    assert "oracle:1 is live." in said(answer)


def test_yes_rolls_back_to_what_was_live_before(client, ada, served_version):
    first, second = served_version(), served_version(offset=2.0)
    services.activate(version=first, by=ada)
    services.activate(version=second, by=ada)
    assert "Roll back to version 1" in client.get(rollback_page(first)).content.decode()
    answer = agreed(client, rollback_page(first), note="worse")
    assert live(first) == 1
    assert answer["Location"] == f"/admin/registry/registeredmodel/{first.model_id}/change/"
    assert "oracle:1 is live again." in said(answer)


def test_a_question_that_went_stale_is_asked_again(client, ada, served_version):
    first, second, third = served_version(), served_version(offset=2.0), served_version(offset=3.0)
    services.activate(version=first, by=ada)
    services.activate(version=second, by=ada)
    seen = client.get(rollback_page(first)).context["form"]["seen"].value()
    services.activate(version=third, by=ada)
    answer = client.post(rollback_page(first), {"seen": seen})
    assert live(first) == 3
    assert answer["Location"] == rollback_page(first)
    assert "changed while you were looking" in said(answer)


def test_a_version_that_is_not_ready_is_not_activated(client, ada, toy_file):
    version = services.upload_version(by=ada, name="toy", file=toy_file)
    answer = client.post(activate_page(version), {"seen": ""})
    assert "pending, not ready" in said(answer)
    assert live(version) is None


def test_a_version_that_is_live_already_is_not_activated_again(client, ada, served_version):
    version = served_version()
    services.activate(version=version, by=ada)
    assert "live already" in said(client.get(activate_page(version)))
    assert Deployment.objects.count() == 1


def test_there_is_nothing_to_roll_back_to_after_the_first_activation(client, ada, served_version):
    version = served_version()
    services.activate(version=version, by=ada)
    assert "nothing to roll back to" in said(client.get(rollback_page(version)))


def test_a_process_that_does_not_answer_leaves_everything_as_it_was(client, served_version, settings):
    settings.STAGING_SECONDS = 0.05
    settings.HEARTBEAT_SECONDS = 60.0
    version = served_version()
    processes.beat(processes.register("host", 1).pk, True, {})
    assert "1 serving process loads" in client.get(activate_page(version)).content.decode()
    answer = agreed(client, activate_page(version))
    assert "Nothing was changed" in said(answer)
    assert live(version) is None


def test_who_owns_nothing_and_may_not_activate_is_refused(bob, served_version):
    version = served_version()
    client = signed_in(bob)
    assert "may not activate" in said(client.get(activate_page(version)))
    assert "may not activate" in said(client.post(activate_page(version), {"seen": ""}))
    assert live(version) is None


def test_a_forged_form_is_refused(ada, served_version):
    version = served_version()
    signed_in(ada)
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    for address in (activate_page(version), rollback_page(version), trust_page(version)):
        assert client.post(address, {"seen": ""}).status_code == 403
    assert live(version) is None


def test_strangers_and_people_without_staff_status_are_sent_to_the_login(ada, served_version):
    version = served_version()
    client = Client()
    client.force_login(ada)
    for someone in (client, Client()):
        for address in (activate_page(version), rollback_page(version), trust_page(version)):
            assert "/admin/login/" in someone.post(address)["Location"]
    assert live(version) is None


def test_what_does_not_exist_is_not_found(client):
    assert client.get("/admin/versions/999/activate/").status_code == 404
    assert client.get("/admin/models/999/rollback/").status_code == 404


def test_the_progress_counts_the_processes_that_are_warm(client, served_version, settings):
    settings.HEARTBEAT_SECONDS = 60.0
    version = served_version()
    processes.beat(processes.register("host", 1).pk, True, {})
    address = f"/admin/versions/{version.pk}/activation/"
    assert client.get(address).json() == {"done": 0, "of": 1}
    assert client.post(address).status_code == 405


def test_trust_is_recorded_and_the_version_validated_again(root, ada, toy_file):
    version = not_compilable(services.upload_version(by=ada, name="toy", file=toy_file))
    client = signed_in(root)
    assert "No converter." in client.get(trust_page(version)).content.decode()
    version.refresh_from_db()
    assert version.trusted is False
    client.post(trust_page(version), {"note": "I made it."})
    version.refresh_from_db()
    assert (version.trusted, version.trusted_by, version.status) == (True, root, Status.PENDING)
    assert version.events.get().note == "I made it."


def test_trust_needs_its_permission(client, ada, toy_file):
    version = not_compilable(services.upload_version(by=ada, name="toy", file=toy_file))
    assert "upload_trusted_model" in said(client.post(trust_page(version)))
    version.refresh_from_db()
    assert (version.trusted, version.status) == (False, Status.FAILED)


def test_a_note_is_shown_and_never_run(client, ada, served_version):
    version = served_version()
    agreed(client, activate_page(version), note="<script>alert(1)</script>")
    body = client.get(f"/admin/registry/registeredmodel/{version.model_id}/change/").content.decode()
    assert "<script>alert(1)</script>" not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body


def test_a_note_that_is_too_long_is_asked_for_again(client, served_version):
    version = served_version()
    answer = agreed(client, activate_page(version), note="x" * 2001)
    assert "note" in answer.context["form"].errors
    assert live(version) is None
