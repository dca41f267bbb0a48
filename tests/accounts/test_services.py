"""Making and revoking keys, checking passwords."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.utils import timezone

from accounts import credentials, services
from accounts.credential_cache import remembered
from accounts.errors import CredentialInvalid, Forbidden, KeyRequestInvalid
from accounts.models import ApiKey
from accounts.principal import principal_for


def test_a_new_key_is_stored_without_its_secret(ada: Any, key_of: Any) -> None:
    key, text = key_of(ada, "predict", "read")
    row = ApiKey.objects.values().get(pk=key.pk)
    secret = text.rsplit("_", 1)[1]
    assert all(secret not in str(value) for value in row.values())
    assert row["scopes"] == ["predict", "read"]


def test_nothing_in_the_table_authenticates(ada: Any, key_of: Any) -> None:
    key_of(ada)
    for value in ApiKey.objects.values_list("secret_hash", "prefix", "id").get():
        with pytest.raises(CredentialInvalid):
            credentials.authenticate(api_key=str(value))


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("scopes", {"scopes": []}),
        ("scopes", {"scopes": ["fly"]}),
        ("scopes", {"scopes": ["predict", "upload"]}),
        ("name", {"name": "  "}),
        ("name", {"name": "a\nb"}),
        ("name", {"name": "x" * 101}),
        ("models", {"model_names": [""]}),
        ("models", {"model_names": ["x" * 65]}),
        ("models", {"model_names": ["m"] * 101}),
        ("rate_limit", {"rate_limit": 0}),
        ("expires_at", {"expires_at": timezone.now() - timedelta(seconds=1)}),
        ("expires_at", {"expires_at": datetime(2100, 1, 1)}),
    ],
)
def test_a_key_that_cannot_be_granted_is_refused_by_field(
    field: str, asked: dict[str, Any], django_user_model: Any, db: None
) -> None:
    nobody = django_user_model.objects.create_user("nobody@example.org")
    with pytest.raises(KeyRequestInvalid) as caught:
        services.create_key(by=nobody, owner=nobody, **{"name": "n", "scopes": ["predict"], **asked})
    assert list(caught.value.details["fields"]) == [field]
    assert not ApiKey.objects.exists()


def test_nobody_makes_keys_for_somebody_else_without_the_right(ada: Any, bob: Any) -> None:
    with pytest.raises(Forbidden):
        services.create_key(by=ada, owner=bob, name="n", scopes=["predict"])


def test_who_manages_keys_makes_and_revokes_those_of_others(ada: Any, root: Any) -> None:
    key, text = services.create_key(by=root, owner=ada, name="n", scopes=["predict"])
    assert credentials.authenticate(api_key=text).user_id == ada.pk
    services.revoke_key(by=root, key=key)
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_a_key_made_with_a_key_gets_no_more_than_that_one(ada: Any) -> None:
    within = principal_for(ada, scopes=["predict", "admin"], model_names=["iris"])
    ask = {"by": ada, "owner": ada, "name": "n", "within": within}
    with pytest.raises(KeyRequestInvalid):
        services.create_key(**ask, scopes=["predict", "read"], model_names=["iris"])
    with pytest.raises(KeyRequestInvalid):
        services.create_key(**ask, scopes=["predict"])
    with pytest.raises(KeyRequestInvalid):
        services.create_key(**ask, scopes=["predict"], model_names=["iris", "wine"])
    key, _ = services.create_key(**ask, scopes=["predict"], model_names=["iris"])
    assert key.model_names == ["iris"]


def test_a_revoked_key_is_refused_at_once(ada: Any, key_of: Any, django_capture_on_commit_callbacks: Any) -> None:
    key, text = key_of(ada)
    assert credentials.authenticate(api_key=text) is not None
    with django_capture_on_commit_callbacks(execute=True):
        services.revoke_key(by=ada, key=key)
    with pytest.raises(CredentialInvalid):
        credentials.authenticate(api_key=text)


def test_revoking_twice_keeps_the_first_moment(ada: Any, key_of: Any) -> None:
    key, _ = key_of(ada)
    services.revoke_key(by=ada, key=key)
    first = ApiKey.objects.get(pk=key.pk).revoked_at
    services.revoke_key(by=ada, key=ApiKey.objects.get(pk=key.pk))
    assert ApiKey.objects.get(pk=key.pk).revoked_at == first


def test_nobody_revokes_the_key_of_somebody_else(ada: Any, bob: Any, key_of: Any) -> None:
    key, text = key_of(ada)
    with pytest.raises(Forbidden):
        services.revoke_key(by=bob, key=key)
    remembered.clear()
    assert credentials.authenticate(api_key=text) is not None


def test_the_right_password_gives_the_user_by_email_in_any_case_and_by_username(ada: Any) -> None:
    password = "correct horse battery"
    assert services.check_password(email="Ada@Example.ORG", password=password) == ada
    assert services.check_password(username=ada.username, password=password) == ada


@pytest.mark.parametrize("kind", ["unknown", "wrong", "inactive"])
def test_a_refused_password_says_the_same_whatever_the_reason(kind: str, ada: Any) -> None:
    if kind == "inactive":
        ada.is_active = False
        ada.save()
    email = "nobody@example.org" if kind == "unknown" else ada.email
    password = "wrong" if kind == "wrong" else "correct horse battery"
    with pytest.raises(CredentialInvalid) as caught:
        services.check_password(email=email, password=password)
    assert (caught.value.code, caught.value.message) == (
        "invalid_credentials",
        "No active account has these credentials.",
    )


@pytest.mark.parametrize("field", ["email", "username"])
def test_every_refusal_hashes_one_password(
    field: str, ada: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    hasher = Argon2PasswordHasher
    monkeypatch.setattr(hasher, "memory_cost", 1024)
    ada.set_password("correct horse battery")
    ada.save()
    hashed: list[str] = []
    encode, verify = hasher.encode, hasher.verify
    monkeypatch.setattr(hasher, "encode", lambda *a, **k: hashed.append("encode") or encode(*a, **k))
    monkeypatch.setattr(hasher, "verify", lambda *a, **k: hashed.append("verify") or verify(*a, **k))
    counts = []
    for name, is_active in (("nobody@example.org", True), (ada.email, True), (ada.email, False)):
        type(ada).objects.filter(pk=ada.pk).update(is_active=is_active)
        hashed.clear()
        with pytest.raises(CredentialInvalid):
            services.check_password(**{field: name}, password="wrong")
        counts.append(len(hashed))
    assert counts == [1, 1, 1]


def test_a_long_password_works(django_user_model: Any, db: None) -> None:
    password = "p" * 73 + "the part beyond seventy-two bytes"
    user = django_user_model.objects.create_user("long@example.org", password)
    assert services.check_password(email="long@example.org", password=password) == user
    with pytest.raises(CredentialInvalid):
        services.check_password(email="long@example.org", password="p" * 73)
