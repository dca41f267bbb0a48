"""People and API keys in the admin."""

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts import credentials
from accounts.errors import CredentialInvalid
from accounts.models import ApiKey, User

pytestmark = pytest.mark.django_db

KEYS, ADD_KEY = "/admin/accounts/apikey/", "/admin/accounts/apikey/add/"
KEY = re.compile(r"mlp_[A-Za-z0-9]{12}_[A-Za-z0-9]{43}")


def asked(owner: Any, **changes: Any) -> dict[str, Any]:
    return {
        "name": "robot",
        "owner": owner.pk,
        "scopes": ["predict", "read"],
        "models": "iris, wine",
        "rate_limit": "",
        "expires_at_0": "",
        "expires_at_1": "",
    } | changes


def staff(user: Any, *codenames: str) -> Any:
    user.is_staff = True
    user.save()
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames, content_type__app_label="accounts"))
    return user


def test_making_a_key_shows_it_exactly_once(client: Client, root: Any) -> None:
    client.force_login(root)
    page = client.post(ADD_KEY, asked(root), follow=True)
    shown = KEY.findall(html.unescape(page.content.decode()))
    assert len(shown) == 1
    principal = credentials.authenticate(api_key=shown[0])
    assert principal is not None
    assert principal.model_names == {"iris", "wine"}
    key = ApiKey.objects.get()
    for url in (
        KEYS,
        f"/admin/accounts/apikey/{key.pk}/change/",
        f"/admin/accounts/apikey/{key.pk}/history/",
    ):
        again = client.get(url).content.decode()
        assert KEY.search(again) is None
        assert key.secret_hash not in again


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"name": " "}, "name"),
        ({"rate_limit": "2000000000"}, "rate_limit"),
        ({"expires_at_0": "2001-01-01", "expires_at_1": "00:00:00"}, "expires_at"),
        ({"models": "x" * 65}, "models"),
    ],
)
def test_a_key_that_cannot_be_granted_is_explained_at_its_field(
    changes: dict[str, Any], field: str, client: Client, root: Any
) -> None:
    client.force_login(root)
    page = client.post(ADD_KEY, asked(root, **changes))
    assert page.status_code == 200
    assert field in page.context["adminform"].form.errors
    assert not ApiKey.objects.exists()


def test_staff_who_do_not_manage_keys_see_and_make_only_their_own(
    client: Client, ada: Any, bob: Any, key_of: Any
) -> None:
    key_of(bob)
    client.force_login(staff(ada, "view_apikey", "add_apikey"))
    assert client.get(KEYS).context["cl"].result_count == 0
    page = client.post(ADD_KEY, asked(bob))
    assert "owner" in page.context["adminform"].form.errors
    client.post(ADD_KEY, asked(ada))
    assert ApiKey.objects.filter(owner=ada).count() == 1


def test_keys_are_revoked_by_the_action_and_never_changed_or_deleted(client: Client, root: Any, key_of: Any) -> None:
    key, text = key_of(root)
    client.force_login(root)
    change, delete = f"/admin/accounts/apikey/{key.pk}/change/", f"/admin/accounts/apikey/{key.pk}/delete/"
    assert client.post(change, asked(root, name="other")).status_code == 403
    assert client.post(delete, {"post": "yes"}).status_code == 403
    client.get(f"{KEYS}?action=revoke_selected&_selected_action={key.pk}")
    assert ApiKey.objects.get().revoked_at is None
    client.post(KEYS, {"action": "revoke_selected", "_selected_action": [str(key.pk)]})
    assert ApiKey.objects.get().revoked_at is not None
    with pytest.raises(CredentialInvalid):
        credentials.authenticate(api_key=text)


def test_who_may_only_look_revokes_nothing(client: Client, ada: Any, key_of: Any) -> None:
    key, _ = key_of(ada)
    client.force_login(staff(ada, "view_apikey"))
    client.post(KEYS, {"action": "revoke_selected", "_selected_action": [str(key.pk)]})
    assert ApiKey.objects.get().revoked_at is None


def test_a_person_is_added_by_email_and_can_sign_in(client: Client, root: Any) -> None:
    client.force_login(root)
    password = "a rather long phrase"
    form = {"email": "New@Example.org", "password1": password, "password2": password}
    assert client.post("/admin/accounts/user/add/", form).status_code == 302
    user = User.objects.get(email="new@example.org")
    assert user.username == "new@example.org"
    assert user.check_password(password)
    again = client.post("/admin/accounts/user/add/", form)
    assert "email" in again.context["adminform"].form.errors


def test_the_pages_of_a_person_render_without_the_password(client: Client, root: Any, ada: Any) -> None:
    client.force_login(root)
    for url in (
        "/admin/auth/group/add/",
        "/admin/accounts/user/",
        f"/admin/accounts/user/{ada.pk}/change/",
        f"/admin/accounts/user/{ada.pk}/password/",
    ):
        page = client.get(url)
        assert page.status_code == 200
        assert ada.password not in page.content.decode()


def test_staff_hand_out_no_rights_and_touch_no_superuser(client: Client, ada: Any, bob: Any, root: Any) -> None:
    client.force_login(staff(ada, "view_user", "change_user", "delete_user"))
    form = {
        "email": bob.email,
        "username": bob.username,
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
    }
    client.post(f"/admin/accounts/user/{bob.pk}/change/", form)
    bob.refresh_from_db()
    assert (bob.is_staff, bob.is_superuser) == (False, False)
    phrase = {"password1": "a rather long phrase", "password2": "a rather long phrase"}
    for url, body in (("change", form), ("password", phrase), ("delete", {"post": "yes"})):
        assert client.post(f"/admin/accounts/user/{root.pk}/{url}/", body).status_code == 403
    root.refresh_from_db()
    assert root.check_password("correct horse battery")
