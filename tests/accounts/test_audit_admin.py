"""What people do is in the audit trail, and the admin shows it to those who may see it."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from accounts import audit, registration, services, tokens
from accounts.errors import CredentialInvalid
from accounts.models import AuditEvent, User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def last(action: str) -> AuditEvent:
    event = AuditEvent.objects.filter(action=action).first()
    assert event is not None, list(AuditEvent.objects.values_list("action", flat=True))
    return event


@pytest.fixture
def admin_client(client: Client, root: Any) -> Client:
    client.force_login(root)
    return client


def change_user(client: Client, user: User, **changes: Any) -> None:
    body = {"email": user.email, "username": user.username, "is_active": "on", **changes}
    url = reverse("admin:accounts_user_change", args=[user.pk])
    answer = client.post(url, {name: value for name, value in body.items() if value is not None})
    assert answer.status_code == 302, answer.content


def test_a_change_of_rights_says_what_was_gained_and_lost(admin_client: Client, ada: Any, root: Any) -> None:
    group = Group.objects.create(name="Crew")
    change_user(admin_client, ada, is_staff="on", groups=[group.pk])
    event = last("account.changed")
    assert (event.actor, event.target_name, event.target_id) == (root.email, ada.email, str(ada.pk))
    assert event.details["gained"] == ["group Crew", "is_staff"]
    assert event.details["lost"] == ["registry.upload_model"]
    assert event.address == "127.0.0.1"
    assert len(event.request_id) == 32


def test_deactivating_somebody_is_recorded_and_ends_their_tokens(admin_client: Client, ada: Any) -> None:
    access = tokens.issue(ada).access
    change_user(admin_client, ada, is_active=None)
    assert "is_active" in last("account.changed").details["lost"]
    with pytest.raises(CredentialInvalid):
        tokens.verify_access(access)


def test_making_and_deleting_people_is_recorded(admin_client: Client) -> None:
    answer = admin_client.post(
        reverse("admin:accounts_user_add"),
        {"email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD},
    )
    assert answer.status_code == 302
    user = User.objects.get(email="new@example.org")
    assert last("account.created").target_id == str(user.pk)
    admin_client.post(reverse("admin:accounts_user_delete", args=[user.pk]), {"post": "yes"})
    assert last("account.deleted").target_name == "new@example.org"


def test_deleting_several_people_at_once_is_recorded_for_each(admin_client: Client, ada: Any, bob: Any) -> None:
    admin_client.post(
        reverse("admin:accounts_user_changelist"),
        {"action": "delete_selected", "_selected_action": [ada.pk, bob.pk], "post": "yes"},
    )
    gone = AuditEvent.objects.filter(action="account.deleted").values_list("target_name", flat=True)
    assert set(gone) == {ada.email, bob.email}


def test_setting_somebodys_password_is_recorded_and_ends_their_tokens(admin_client: Client, ada: Any) -> None:
    access = tokens.issue(ada).access
    url = reverse("admin:auth_user_password_change", args=[ada.pk])
    answer = admin_client.post(
        url, {"password1": "quite another horse", "password2": "quite another horse", "usable_password": "true"}
    )
    assert answer.status_code == 302
    event = last("account.password_changed")
    assert (event.target_name, event.details) == (ada.email, {})
    with pytest.raises(CredentialInvalid):
        tokens.verify_access(access)


def test_changing_ones_own_password_is_recorded_only_when_it_happens(admin_client: Client, root: Any) -> None:
    url = reverse("admin:password_change")
    body = {"old_password": "wrong", "new_password1": "another horse x", "new_password2": "another horse x"}
    admin_client.post(url, body)
    assert not AuditEvent.objects.filter(action="account.password_changed").exists()
    assert admin_client.post(url, {**body, "old_password": PASSWORD}).status_code == 302
    assert last("account.password_changed").actor == root.email


def test_a_groups_new_permission_is_recorded(admin_client: Client) -> None:
    group = Group.objects.create(name="Crew")
    permission = Permission.objects.get(codename="activate_model")
    admin_client.post(
        reverse("admin:auth_group_change", args=[group.pk]), {"name": "Crew", "permissions": [permission.pk]}
    )
    assert last("group.changed").details["gained"] == ["registry.activate_model"]


def test_signing_out_of_the_admin_is_recorded(admin_client: Client, root: Any) -> None:
    admin_client.post(reverse("admin:logout"))
    assert last("account.signed_out").actor == root.email


def test_keys_made_and_revoked_are_recorded_without_their_secret(ada: Any) -> None:
    key, text = services.create_key(by=ada, owner=ada, name="robot", scopes=["predict"], rate_limit=5)
    services.revoke_key(by=ada, key=key)
    services.revoke_key(by=ada, key=key)
    made = last("key.created")
    assert (made.target_id, made.details["scopes"], made.details["rate_limit"]) == (str(key.pk), ["predict"], 5)
    assert AuditEvent.objects.filter(action="key.revoked").count() == 1
    assert text.rsplit("_", 1)[1] not in str(list(AuditEvent.objects.values()))
    assert key.secret_hash not in str(list(AuditEvent.objects.values()))


def test_registering_signing_out_and_stolen_tokens_are_recorded(settings: Any) -> None:
    settings.REGISTRATION_GROUP = ""
    user = registration.register(email="new@example.org", password=PASSWORD)
    assert last("account.registered").actor_id == user.pk
    pair = tokens.issue(user)
    tokens.end(tokens.rotate(pair.refresh).refresh)
    assert last("account.signed_out").actor_id == user.pk
    stolen = tokens.issue(user).refresh
    tokens.rotate(stolen)
    with pytest.raises(CredentialInvalid):
        tokens.rotate(stolen)
    assert last("sign_in.ended_by_reuse").actor_id == user.pk


def test_what_happens_to_a_model_is_recorded(served_version: Any, ada: Any) -> None:
    from registry import services as registry_services

    first, second = served_version(), served_version(offset=2.0)
    registry_services.activate(version=first, by=ada, note="go")
    registry_services.activate(version=second, by=ada)
    registry_services.rollback(model=first.model, by=ada)
    registry_services.archive_version(version=second, by=ada)
    registry_services.change_model(model=first.model, by=ada, visibility="internal")
    registry_services.archive_model(model=first.model, by=ada)
    actions = list(AuditEvent.objects.order_by("number").values_list("action", flat=True))
    assert actions == [
        "version.uploaded", "version.uploaded", "version.activated", "version.activated",
        "version.rolled_back", "version.archived", "model.changed", "model.archived",
    ]  # fmt: skip
    assert last("model.changed").details == {"visibility": "internal"}
    assert last("version.rolled_back").target_name == "oracle:1"
    assert AuditEvent.objects.filter(action="version.activated").last().details["note"] == "go"
    assert audit.verify().first_bad is None


def test_an_activation_that_is_refused_leaves_no_event(served_version: Any, ada: Any, bob: Any) -> None:
    from registry import services as registry_services
    from registry.errors import Forbidden

    version = served_version()
    with pytest.raises(Forbidden):
        registry_services.activate(version=version, by=bob)
    assert not AuditEvent.objects.filter(action="version.activated").exists()


def test_the_admin_shows_the_trail_and_offers_no_change(admin_client: Client, ada: Any) -> None:
    event = audit.record("thing.done", by=ada, details={"n": 1})
    listed = admin_client.get(reverse("admin:accounts_auditevent_changelist"), {"q": ada.email})
    assert b"thing.done" in listed.content
    page = reverse("admin:accounts_auditevent_change", args=[event.pk])
    shown = admin_client.get(page)
    assert shown.status_code == 200
    assert event.hash.encode() in shown.content
    for url in (
        page,
        reverse("admin:accounts_auditevent_add"),
        reverse("admin:accounts_auditevent_delete", args=[event.pk]),
    ):
        assert admin_client.post(url, {"action": "x.y", "post": "yes"}).status_code == 403
    assert audit.verify().first_bad is None


@pytest.mark.parametrize(("right", "status"), [("view_auditevent", 200), ("view_user", 403)])
def test_only_who_may_view_events_sees_them(right: str, status: int, client: Client, bob: Any) -> None:
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename=right))
    client.force_login(bob)
    assert client.get(reverse("admin:accounts_auditevent_changelist")).status_code == status


def test_a_call_with_a_key_names_the_key(client: Client, ada: Any, key_of: Any) -> None:
    key, text = key_of(ada, "admin", "predict")
    client.post(
        "/api/v1/api-keys",
        {"name": "n", "scopes": ["predict"]},
        content_type="application/json",
        headers={"x-api-key": text, "x-request-id": "mine"},
    )
    event = last("key.created")
    assert (event.key, event.request_id, event.actor) == (str(key.pk), "mine", ada.email)
