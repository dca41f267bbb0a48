"""Signing in, renewing, who am I, and API keys over HTTP."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import include, path
from django.utils import timezone

from accounts import tokens
from accounts.credential_cache import remembered
from accounts.models import ApiKey
from accounts.urls import api_urlpatterns

urlpatterns = [path("api/v1/", include(api_urlpatterns))]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

LOGIN, REFRESH, ME, KEYS = (f"/api/v1/{name}" for name in ("auth/login", "auth/refresh", "auth/me", "api-keys"))
PASSWORD = "correct horse battery"


def post(client: Client, url: str, body: Any, **headers: str) -> Any:
    return client.post(url, body, content_type="application/json", headers=headers)


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_login_gives_tokens_that_work(slash: str, client: Client, ada: Any) -> None:
    response = post(client, LOGIN + slash, {"email": ada.email, "password": PASSWORD})
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"access", "refresh", "expires_in"}
    assert response.headers["Cache-Control"] == "no-store"
    me = client.get(ME + slash, headers={"authorization": f"Bearer {body['access']}"})
    assert (me.status_code, me.json()["email"]) == (200, ada.email)


def test_login_works_by_username(client: Client, ada: Any) -> None:
    assert post(client, LOGIN, {"username": ada.username, "password": PASSWORD}).status_code == 200


def test_login_answers_the_same_for_unknown_wrong_and_inactive(client: Client, ada: Any, bob: Any) -> None:
    bob.is_active = False
    bob.save()
    answers = [
        post(client, LOGIN, {"email": email, "password": password})
        for email, password in (("nobody@example.org", PASSWORD), (ada.email, "wrong"), (bob.email, PASSWORD))
    ]
    assert {code(answer) for answer in answers} == {(401, "invalid_credentials")}
    bodies = [answer.json()["error"] | {"request_id": ""} for answer in answers]
    assert bodies[0] == bodies[1] == bodies[2]
    assert all(answer.headers["WWW-Authenticate"].startswith("Bearer") for answer in answers)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (422, "validation_failed")),
        ({"email": "a@b.c"}, (422, "validation_failed")),
        ({"email": "a@b.c", "username": "a", "password": "p"}, (422, "validation_failed")),
        ({"email": [], "password": {}}, (422, "validation_failed")),
        ({"email": "a@b.c", "password": "p" * 5000}, (422, "validation_failed")),
        ({"email": "a@b.c", "password": "p", "admin": True}, (400, "unknown_field")),
    ],
)
def test_a_login_that_makes_no_sense_is_refused(body: Any, expected: tuple[int, str], client: Client) -> None:
    assert code(post(client, LOGIN, body)) == expected


def test_login_without_a_body_is_refused(client: Client) -> None:
    assert code(client.post(LOGIN, b"", content_type="application/json")) == (400, "object_required")


def test_login_by_get_is_not_allowed(client: Client) -> None:
    response = client.get(LOGIN)
    assert code(response) == (405, "method_not_allowed")
    assert "POST" in response.headers["Allow"]


def test_refreshing_gives_new_tokens(client: Client, ada: Any) -> None:
    first = tokens.issue(ada)
    response = post(client, REFRESH, {"refresh": first.refresh})
    assert response.status_code == 200
    assert tokens.verify_access(response.json()["access"])[0] == ada
    assert tokens.verify_refresh(response.json()["refresh"]) == ada


def test_an_access_token_does_not_refresh(client: Client, ada: Any) -> None:
    assert code(post(client, REFRESH, {"refresh": tokens.issue(ada).access})) == (
        401,
        "authentication_failed",
    )


def test_who_is_inactive_refreshes_nothing(client: Client, ada: Any) -> None:
    refresh = tokens.issue(ada).refresh
    type(ada).objects.filter(pk=ada.pk).update(is_active=False)
    assert code(post(client, REFRESH, {"refresh": refresh})) == (401, "authentication_failed")


def test_nobody_is_told_who_they_are(client: Client) -> None:
    response = client.get(ME)
    assert code(response) == (401, "not_authenticated")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="mlplatform", Api-Key realm="mlplatform"'


def test_me_names_groups_and_permissions(client: Client, ada: Any, bearer: Any) -> None:
    body = client.get(ME, headers={"authorization": bearer(ada)}).json()
    assert body == {
        "id": ada.pk,
        "email": ada.email,
        "username": ada.username,
        "groups": [],
        "permissions": ["registry.upload_model"],
    }


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer x", "Api-Key x", "bearer \x7f", "Bearer " + "é" * 10, "Bearer " + "x" * 9000]
)
def test_malformed_credentials_are_401(value: str, client: Client) -> None:
    assert code(client.get(ME, headers={"authorization": value})) == (401, "authentication_failed")


def test_credentials_of_two_people_are_400(client: Client, ada: Any, bob: Any, key_of: Any, bearer: Any) -> None:
    headers = {"authorization": bearer(bob), "x-api-key": key_of(ada)[1]}
    assert code(client.get(ME, headers=headers)) == (400, "ambiguous_credentials")


def test_a_key_is_made_listed_and_revoked(client: Client, ada: Any, bearer: Any) -> None:
    signed_in = {"authorization": bearer(ada)}
    until = (timezone.now() + timedelta(days=1)).isoformat()
    asked = {
        "name": "robot",
        "scopes": ["read", "predict"],
        "models": ["iris"],
        "expires_at": until,
        "rate_limit": 5,
    }
    made = post(client, KEYS, asked, **signed_in)
    assert made.status_code == 201
    key = made.json()
    assert key["scopes"] == ["predict", "read"]
    assert (key["models"], key["rate_limit"], key["owner"]) == (["iris"], 5, ada.email)
    assert client.get(ME, headers={"x-api-key": key["key"]}).status_code == 200

    listed = client.get(KEYS, headers=signed_in).json()
    assert listed["count"] == 1
    assert "key" not in listed["results"][0]
    assert listed["results"][0]["prefix"] == key["prefix"]
    assert key["key"].rsplit("_", 1)[1] not in str(listed)

    assert client.delete(f"{KEYS}/{key['id']}", headers=signed_in).status_code == 204
    remembered.clear()
    assert code(client.get(ME, headers={"x-api-key": key["key"]})) == (401, "authentication_failed")
    assert client.get(KEYS, headers=signed_in).json()["results"][0]["revoked_at"] is not None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "n"}, (422, "validation_failed")),
        ({"name": "n", "scopes": []}, (422, "validation_failed")),
        ({"name": "n", "scopes": ["fly"]}, (422, "validation_failed")),
        (
            {"name": "n", "scopes": ["predict"], "expires_at": "2001-01-01T00:00:00Z"},
            (422, "validation_failed"),
        ),
        ({"name": "n", "scopes": ["predict"], "owner": 1}, (400, "unknown_field")),
        ({"name": "n", "scopes": ["predict"], "prefix": "x", "id": 1}, (400, "unknown_field")),
    ],
)
def test_a_key_that_cannot_be_made_is_refused(
    body: Any, expected: tuple[int, str], client: Client, ada: Any, bearer: Any
) -> None:
    assert code(post(client, KEYS, body, authorization=bearer(ada))) == expected
    assert not ApiKey.objects.exists()


def test_a_key_without_the_scope_makes_lists_and_revokes_no_keys(client: Client, ada: Any, key_of: Any) -> None:
    key, text = key_of(ada, "predict", "read", "upload", "activate")
    headers = {"x-api-key": text}
    answers = [
        client.get(KEYS, headers=headers),
        post(client, KEYS, {"name": "n", "scopes": ["predict"]}, **headers),
        client.delete(f"{KEYS}/{key.pk}", headers=headers),
    ]
    assert {code(answer) for answer in answers} == {(403, "scope_missing")}
    assert ApiKey.objects.get().revoked_at is None


def test_a_key_mints_none_wider_than_itself(client: Client, ada: Any, key_of: Any) -> None:
    _, text = key_of(ada, "admin", "predict")
    response = post(client, KEYS, {"name": "n", "scopes": ["upload"]}, **{"x-api-key": text})
    assert code(response) == (422, "validation_failed")
    assert "scopes" in response.json()["error"]["details"]["fields"]


@pytest.mark.parametrize("which", ["another owner's", "unknown", "no id"])
def test_keys_one_may_not_know_of_are_not_found(
    which: str, client: Client, ada: Any, bob: Any, key_of: Any, bearer: Any
) -> None:
    key, _ = key_of(bob)
    pk = {"another owner's": key.pk, "unknown": uuid.uuid4(), "no id": "xyz"}[which]
    response = client.delete(f"{KEYS}/{pk}", headers={"authorization": bearer(ada)})
    assert code(response) == (404, "not_found")
    assert ApiKey.objects.get().revoked_at is None


def test_who_manages_keys_sees_all(client: Client, ada: Any, root: Any, key_of: Any, bearer: Any) -> None:
    key, _ = key_of(ada)
    headers = {"authorization": bearer(root)}
    assert client.get(KEYS, headers=headers).json()["results"][0]["owner"] == ada.email
    assert client.delete(f"{KEYS}/{key.pk}", headers=headers).status_code == 204


def test_methods_nobody_offers_are_405(client: Client, ada: Any, key_of: Any, bearer: Any) -> None:
    headers = {"authorization": bearer(ada)}
    for response in (
        client.put(KEYS, headers=headers),
        client.patch(f"{KEYS}/{key_of(ada)[0].pk}", headers=headers),
    ):
        assert code(response) == (405, "method_not_allowed")
    assert code(client.get(f"{KEYS}/{uuid.uuid4()}", headers=headers)) == (405, "method_not_allowed")
