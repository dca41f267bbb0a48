"""From headers to a principal."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts import credentials, keys, services, tokens
from accounts.credential_cache import remembered
from accounts.errors import AmbiguousCredentials, CredentialInvalid
from accounts.models import ApiKey, Scope


def test_no_credential_is_nobody(db: None) -> None:
    assert credentials.authenticate() is None
    assert credentials.authenticate(authorization="") is None
    assert credentials.authenticate(authorization="Basic dXNlcjpwYXNz") is None


@pytest.mark.parametrize("how", ["x-api-key", "authorization", "any case"])
def test_a_key_is_accepted_in_either_header(how: str, ada: Any, key_of: Any) -> None:
    key, text = key_of(ada, "predict", "read")
    headers = {
        "x-api-key": {"api_key": text},
        "authorization": {"authorization": f"Api-Key {text}"},
        "any case": {"authorization": f"aPI-kEY   {text} "},
    }[how]
    principal = credentials.authenticate(**headers)
    assert principal is not None
    assert (principal.user_id, principal.key_id, principal.scopes) == (ada.pk, key.pk, {"predict", "read"})


def test_a_token_stands_for_a_person_with_every_scope_they_have_a_right_to(ada: Any, bearer: Any) -> None:
    principal = credentials.authenticate(authorization=bearer(ada))
    assert principal is not None
    assert principal.key_id is None
    assert principal.scopes == set(Scope.values)
    assert principal.may_use_model("any")


def test_a_key_seen_a_moment_ago_costs_no_query(ada: Any, key_of: Any, django_assert_num_queries: Any) -> None:
    _, text = key_of(ada)
    first = credentials.authenticate(api_key=text)
    with django_assert_num_queries(0):
        assert credentials.authenticate(api_key=text) is first
        assert credentials.authenticate(authorization=f"Api-Key {text}") is first


@pytest.fixture
def aside(settings: Any) -> Iterator[list[Callable[[], None]]]:
    """What was left to be done on the side."""
    settings.CREDENTIAL_CACHE_SECONDS = 60
    left: list[Callable[[], None]] = []
    credentials.renew_by(left.append)
    yield left
    credentials.renew_by(None)


def pass_seconds(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(remembered, "_clock", lambda: time.monotonic() + seconds)


def test_who_comes_again_before_they_are_forgotten_is_verified_on_the_side(
    aside: list[Callable[[], None]], ada: Any, key_of: Any, monkeypatch: Any, django_assert_num_queries: Any
) -> None:
    _, text = key_of(ada)
    credentials.authenticate(api_key=text)
    assert credentials.recall(api_key=text) is not None
    assert aside == []
    pass_seconds(monkeypatch, 50)
    with django_assert_num_queries(0):
        assert credentials.recall(api_key=text) is not None
        assert credentials.recall(api_key=text) is not None
    [renew] = aside
    renew()
    pass_seconds(monkeypatch, 100)
    assert credentials.recall(api_key=text) is not None


def test_a_key_that_is_refused_on_the_side_is_forgotten_at_once(
    aside: list[Callable[[], None]], ada: Any, key_of: Any, monkeypatch: Any
) -> None:
    key, text = key_of(ada)
    credentials.authenticate(api_key=text)
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    pass_seconds(monkeypatch, 50)
    assert credentials.recall(api_key=text) is not None
    aside.pop()()
    assert credentials.recall(api_key=text) is None


def test_a_database_that_is_away_on_the_side_costs_nobody_what_is_left_of_their_time(
    aside: list[Callable[[], None]], ada: Any, key_of: Any, settings: Any, monkeypatch: Any
) -> None:
    settings.CREDENTIAL_OUTAGE_SECONDS = 0

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("no connection")

    _, text = key_of(ada)
    credentials.authenticate(api_key=text)
    pass_seconds(monkeypatch, 50)
    credentials.recall(api_key=text)
    monkeypatch.setattr("django.db.models.sql.compiler.SQLCompiler.execute_sql", refuse)
    aside.pop()()
    assert credentials.recall(api_key=text) is not None
    pass_seconds(monkeypatch, 61)
    assert credentials.recall(api_key=text) is None


def test_a_refused_credential_is_not_remembered(db: None) -> None:
    with pytest.raises(CredentialInvalid):
        credentials.authenticate(api_key=str(keys.make()))
    assert len(remembered) == 0


@pytest.mark.parametrize("reason", ["revoked", "expired", "inactive owner", "wrong secret", "deleted"])
def test_a_key_that_does_not_hold_is_refused_the_same_way(reason: str, ada: Any, key_of: Any) -> None:
    key, text = key_of(ada)
    now = timezone.now()
    if reason == "revoked":
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=now)
    elif reason == "expired":
        ApiKey.objects.filter(pk=key.pk).update(expires_at=now - timedelta(seconds=1))
    elif reason == "inactive owner":
        type(ada).objects.filter(pk=ada.pk).update(is_active=False)
    elif reason == "wrong secret":
        text = f"mlp_{key.prefix}_{keys.make().secret}"
    else:
        key.delete()
    with pytest.raises(CredentialInvalid) as caught:
        credentials.authenticate(api_key=text)
    assert (caught.value.code, caught.value.message) == ("authentication_failed", "The API key is not valid.")


def test_a_key_is_not_remembered_past_its_expiry(
    ada: Any, key_of: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CREDENTIAL_CACHE_SECONDS = 3600
    key, text = key_of(ada, expires_at=timezone.now() + timedelta(seconds=60))
    assert credentials.authenticate(api_key=text) is not None
    monkeypatch.setattr(remembered, "_clock", lambda: time.monotonic() + 61)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())
    with pytest.raises(CredentialInvalid):
        credentials.authenticate(api_key=text)


MALFORMED = [
    "",
    " ",
    "\0",
    "mlp_\0",
    "é" * 50,
    "\udcff",
    "a.b.c",
    "..",
    "x" * 1_000_000,
    "mlp_" + "9" * 4000,
    "{}",
    "\r\n",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_credential_is_refused_and_never_a_crash(text: str, db: None) -> None:
    for headers in (
        {"api_key": text},
        {"authorization": f"Bearer {text}"},
        {"authorization": f"Api-Key {text}"},
    ):
        with pytest.raises(CredentialInvalid):
            credentials.authenticate(**headers)


def test_a_key_and_a_token_of_different_people_are_ambiguous(ada: Any, bob: Any, key_of: Any, bearer: Any) -> None:
    _, text = key_of(ada)
    with pytest.raises(AmbiguousCredentials):
        credentials.authenticate(api_key=text, authorization=bearer(bob))


def test_two_different_keys_are_ambiguous_even_of_one_person(ada: Any, key_of: Any) -> None:
    with pytest.raises(AmbiguousCredentials):
        credentials.authenticate(api_key=key_of(ada)[1], authorization=f"Api-Key {key_of(ada)[1]}")


def test_a_key_beside_a_token_of_the_same_person_decides(ada: Any, key_of: Any, bearer: Any) -> None:
    key, text = key_of(ada, "predict")
    principal = credentials.authenticate(api_key=text, authorization=bearer(ada))
    assert principal is not None
    assert principal.key_id == key.pk
    assert principal.scopes == {"predict"}


def test_a_bad_credential_beside_a_good_one_is_refused(ada: Any, bearer: Any) -> None:
    with pytest.raises(CredentialInvalid):
        credentials.authenticate(api_key="nonsense", authorization=bearer(ada))


def test_a_scope_is_worth_nothing_once_its_owner_lost_the_right(ada: Any, key_of: Any) -> None:
    _, text = key_of(ada, "upload", "read")
    assert credentials.authenticate(api_key=text).may("upload")
    ada.user_permissions.clear()
    remembered.clear()
    principal = credentials.authenticate(api_key=text)
    assert principal.scopes == {"read"}
    assert principal.withheld == {"upload"}


def test_a_changed_password_ends_tokens_that_were_given_out(ada: Any, bearer: Any) -> None:
    header = bearer(ada)
    ada.set_password("another horse battery")
    ada.save()
    with pytest.raises(CredentialInvalid):
        credentials.authenticate(authorization=header)


def test_a_deactivated_user_is_refused_with_key_and_token(ada: Any, key_of: Any) -> None:
    _, text = key_of(ada)
    access = tokens.issue(ada).access
    type(ada).objects.filter(pk=ada.pk).update(is_active=False)
    for headers in ({"api_key": text}, {"authorization": f"Bearer {access}"}):
        with pytest.raises(CredentialInvalid):
            credentials.authenticate(**headers)


def test_a_key_limited_to_models_says_so(ada: Any, key_of: Any) -> None:
    _, text = key_of(ada, model_names=["iris"])
    principal = credentials.authenticate(api_key=text)
    assert principal.may_use_model("iris")
    assert not principal.may_use_model("wine")


def test_revocation_by_another_process_is_noticed_when_the_memory_ends(ada: Any, key_of: Any, settings: Any) -> None:
    settings.CREDENTIAL_CACHE_SECONDS = 0
    key, text = key_of(ada)
    assert credentials.authenticate(api_key=text) is not None
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    with pytest.raises(CredentialInvalid):
        credentials.authenticate(api_key=text)


def test_the_service_and_the_door_agree_on_the_pepper(ada: Any, key_of: Any, settings: Any) -> None:
    _, text = key_of(ada)
    settings.API_KEY_PEPPER = "another pepper"
    with pytest.raises(CredentialInvalid):
        credentials.authenticate(api_key=text)
    _, fresh = services.create_key(by=ada, owner=ada, name="n", scopes=["predict"])
    assert credentials.authenticate(api_key=fresh) is not None
