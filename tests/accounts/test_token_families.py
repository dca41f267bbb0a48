"""Refresh tokens: one use each, and what a second use, signing out and new keys do."""

import base64
import hashlib
import hmac
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings as project_settings
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.credential_cache import remembered
from accounts.errors import CredentialInvalid
from accounts.models import TokenFamily
from tests.accounts.racing import at_once

REFRESH, LOGOUT, ME = "/api/v1/auth/refresh", "/api/v1/auth/logout", "/api/v1/auth/me"


def refused(work: Callable[[], Any]) -> None:
    with pytest.raises(CredentialInvalid):
        work()


def test_a_used_refresh_token_is_refused_and_ends_the_sign_in(ada: Any) -> None:
    first = tokens.issue(ada)
    second = tokens.rotate(first.refresh)
    refused(lambda: tokens.rotate(first.refresh))
    refused(lambda: tokens.rotate(second.refresh))
    refused(lambda: tokens.verify_access(second.access))


def test_the_end_of_one_sign_in_leaves_the_others(ada: Any) -> None:
    lost, kept = tokens.issue(ada), tokens.issue(ada)
    tokens.rotate(lost.refresh)
    refused(lambda: tokens.rotate(lost.refresh))
    assert tokens.verify_access(kept.access)[0] == ada
    assert tokens.verify_access(tokens.rotate(kept.refresh).access)[0] == ada


def test_a_chain_of_rotations_keeps_one_row(ada: Any) -> None:
    pair = tokens.issue(ada)
    for _ in range(5):
        pair = tokens.rotate(pair.refresh)
    assert TokenFamily.objects.filter(user=ada, revoked_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_twenty_requests_that_race_with_one_refresh_token_exactly_one_wins(ada: Any) -> None:
    refresh = tokens.issue(ada).refresh

    def ask() -> tuple[int, Any]:
        answer = Client().post(REFRESH, {"refresh": refresh}, content_type="application/json")
        return answer.status_code, answer.json()

    answers = at_once(ask, times=20)
    assert Counter(status for status, _ in answers) == {200: 1, 401: 19}
    [winner] = [body for status, body in answers if status == 200]
    assert TokenFamily.objects.get().revoked_at is not None
    refused(lambda: tokens.rotate(winner["refresh"]))
    refused(lambda: tokens.verify_access(winner["access"]))


def test_signing_out_ends_refresh_and_access_tokens(client: Client, ada: Any) -> None:
    pair = tokens.issue(ada)
    headers = {"authorization": f"Bearer {pair.access}"}
    assert client.get(ME, headers=headers).status_code == 200
    answer = client.post(LOGOUT, {"refresh": pair.refresh}, content_type="application/json")
    assert (answer.status_code, answer.content) == (204, b"")
    remembered.clear()
    assert client.get(ME, headers=headers).status_code == 401
    refused(lambda: tokens.rotate(pair.refresh))
    # Again, and with a token that was used: nothing more happens.
    assert client.post(LOGOUT, {"refresh": pair.refresh}, content_type="application/json").status_code == 204


@pytest.mark.django_db(transaction=True)
def test_signing_out_is_noticed_by_this_process_at_once(client: Client, ada: Any) -> None:
    pair = tokens.issue(ada)
    headers = {"authorization": f"Bearer {pair.access}"}
    assert client.get(ME, headers=headers).status_code == 200
    client.post(LOGOUT, {"refresh": pair.refresh}, content_type="application/json")
    assert client.get(ME, headers=headers).status_code == 401


@pytest.mark.parametrize("text", ["", "x", "a.b.c"])
def test_signing_out_with_what_is_no_token_is_refused(text: str, client: Client, db: None) -> None:
    answer = client.post(LOGOUT, {"refresh": text}, content_type="application/json")
    assert answer.status_code in (401, 422)


def test_an_access_token_signs_nobody_out(ada: Any) -> None:
    pair = tokens.issue(ada)
    refused(lambda: tokens.end(pair.access))
    assert tokens.verify_access(pair.access)[0] == ada


def test_all_sign_ins_of_a_user_can_be_ended(ada: Any, bob: Any) -> None:
    pairs, other = [tokens.issue(ada), tokens.issue(ada)], tokens.issue(bob)
    assert tokens.end_all(ada) == 2
    for pair in pairs:
        refused(lambda pair=pair: tokens.verify_access(pair.access))
    assert tokens.verify_access(other.access)[0] == bob


@pytest.mark.parametrize("what", ["deactivated", "deleted", "password"])
def test_what_ends_a_user_ends_their_tokens(what: str, ada: Any) -> None:
    pair = tokens.issue(ada)
    if what == "deactivated":
        type(ada).objects.filter(pk=ada.pk).update(is_active=False)
    elif what == "deleted":
        ada.delete()
    else:
        ada.set_password("another horse battery")
        ada.save()
    refused(lambda: tokens.verify_access(pair.access))
    refused(lambda: tokens.rotate(pair.refresh))


@pytest.mark.parametrize("claim", [None, 7, "", "x" * 32, "0" * 32, "0" * 400, ["0" * 32]])
def test_a_token_with_an_odd_family_is_refused(claim: Any, ada: Any) -> None:
    claims = jwt.decode(tokens.issue(ada).access, options={"verify_signature": False})
    spoilt = {**claims, "fam": claim} if claim is not None else {k: v for k, v in claims.items() if k != "fam"}
    refused(lambda: tokens.verify_access(jwt.encode(spoilt, project_settings.JWT_SIGNING_KEY, "HS256")))


def test_a_family_of_another_user_is_refused(ada: Any, bob: Any) -> None:
    claims = jwt.decode(tokens.issue(ada).access, options={"verify_signature": False})
    other = jwt.decode(tokens.issue(bob).access, options={"verify_signature": False})
    mixed = {**claims, "fam": other["fam"]}
    refused(lambda: tokens.verify_access(jwt.encode(mixed, project_settings.JWT_SIGNING_KEY, "HS256")))


def test_the_key_before_is_still_read_and_no_longer_signed_with(ada: Any, settings: Any) -> None:
    old = tokens.issue(ada)
    settings.JWT_SIGNING_KEY, settings.JWT_SIGNING_KEY_FALLBACK = "n" * 64, settings.JWT_SIGNING_KEY
    assert tokens.verify_access(old.access)[0] == ada
    new = tokens.rotate(old.refresh)
    settings.JWT_SIGNING_KEY_FALLBACK = ""
    assert tokens.verify_access(new.access)[0] == ada
    refused(lambda: tokens.verify_access(old.access))


def test_an_empty_fallback_key_signs_nothing(ada: Any, settings: Any) -> None:
    settings.JWT_SIGNING_KEY_FALLBACK = ""
    signed_part = tokens.issue(ada).access.rpartition(".")[0]
    mac = hmac.new(b"", signed_part.encode(), hashlib.sha256).digest()
    forged = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    refused(lambda: tokens.verify_access(f"{signed_part}.{forged}"))


def test_a_token_of_another_installation_is_refused(ada: Any, settings: Any) -> None:
    pair = tokens.issue(ada)
    settings.JWT_AUDIENCE = "staging"
    refused(lambda: tokens.verify_access(pair.access))


def test_only_a_hash_of_the_token_is_stored(ada: Any) -> None:
    pair = tokens.issue(ada)
    jti = jwt.decode(pair.refresh, options={"verify_signature": False})["jti"]
    row = TokenFamily.objects.values().get()
    assert jti not in str(row)
    assert pair.refresh not in str(row)


def test_families_that_expired_are_pruned_and_others_kept(ada: Any) -> None:
    gone, kept = tokens.issue(ada), tokens.issue(ada)
    assert tokens.prune() == 0
    ends = jwt.decode(gone.refresh, options={"verify_signature": False})["fam"]
    TokenFamily.objects.filter(pk=ends).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert tokens.prune() == 1
    assert tokens.verify_refresh(kept.refresh) == ada
