"""API keys from the environment."""

import hashlib
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from django.urls import reverse

from accounts import credentials, environment_keys, key_uses, registration, services
from accounts.checks import check_environment_keys, check_fallback_key, check_sign_in_numbers
from accounts.credential_cache import forget_all
from accounts.errors import CredentialInvalid, KeyFromEnvironment, RegistrationInvalid
from accounts.models import SERVICE_ACCOUNT, ApiKey, User

pytestmark = pytest.mark.django_db
TEXT = "a key of thirty-two or so letters"
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()


@pytest.fixture
def robot(settings: Any) -> str:
    settings.ML_API_KEYS = [f"robot:{DIGEST}"]
    return TEXT


def test_a_key_of_the_environment_works_with_its_scopes(robot: str) -> None:
    principal = credentials.authenticate(api_key=robot)
    assert principal is not None
    assert principal.scopes == {"predict", "read"}
    key_uses.write()
    row = ApiKey.objects.get()
    assert (row.pk, row.name, row.last_used_at is not None) == (principal.key_id, "env:robot", True)


def test_it_acts_for_an_account_nobody_signs_in_to(robot: str, client: Client) -> None:
    credentials.authenticate(api_key=robot)
    owner = User.objects.get()
    assert (owner.email, owner.is_staff, owner.has_usable_password()) == (SERVICE_ACCOUNT, False, False)
    assert owner.get_all_permissions() == set()
    with pytest.raises(RegistrationInvalid):
        registration.register(email=SERVICE_ACCOUNT.upper(), password="correct horse battery")


def test_nobody_takes_the_accounts_place_before_it_is_there() -> None:
    with pytest.raises(RegistrationInvalid):
        registration.register(email=SERVICE_ACCOUNT, password="correct horse battery")


def test_scopes_come_from_the_setting(robot: str, settings: Any) -> None:
    credentials.authenticate(api_key=robot)
    forget_all()
    settings.ML_API_KEY_SCOPES = ["predict"]
    principal = credentials.authenticate(api_key=robot)
    assert principal is not None
    assert principal.scopes == {"predict"}


@pytest.mark.parametrize("text", [DIGEST, TEXT + " x", TEXT[:-1], TEXT.upper(), "env:robot", "", "\ud800"])
def test_neither_the_digest_nor_another_text_works(text: str, robot: str) -> None:
    with pytest.raises(CredentialInvalid):
        credentials.authenticate(api_key=text)


def test_taking_it_out_of_the_environment_ends_it(robot: str, settings: Any, root: Any) -> None:
    credentials.authenticate(api_key=robot)
    settings.ML_API_KEYS = []
    forget_all()
    with pytest.raises(CredentialInvalid):
        credentials.authenticate(api_key=robot)
    environment_keys.sync()
    assert ApiKey.objects.get().revoked_at is not None
    settings.ML_API_KEYS = [f"robot:{DIGEST}"]
    assert credentials.authenticate(api_key=robot) is not None
    assert ApiKey.objects.get().revoked_at is None


def test_it_can_be_seen_and_not_revoked(robot: str, root: Any, client: Client, bearer: Any) -> None:
    headers = {"authorization": bearer(root)}
    [listed] = client.get("/api/v1/api-keys", headers=headers).json()["results"]
    assert (listed["name"], listed["prefix"], listed["scopes"]) == ("env:robot", "env:robot", ["predict", "read"])
    assert DIGEST not in str(listed)
    refused = client.delete(f"/api/v1/api-keys/{listed['id']}", headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "key_from_environment")
    with pytest.raises(KeyFromEnvironment):
        services.revoke_key(by=root, key=ApiKey.objects.get())


def test_the_admin_lists_it_and_says_that_it_cannot_be_revoked(robot: str, root: Any, client: Client) -> None:
    client.force_login(root)
    url = reverse("admin:accounts_apikey_changelist")
    assert b"env:robot" in client.get(url).content
    answer = client.post(url, {"action": "revoke_selected", "_selected_action": [ApiKey.objects.get().pk]}, follow=True)
    assert b"taken out of ML_API_KEYS" in answer.content
    assert ApiKey.objects.get().revoked_at is None


def test_somebody_else_does_not_see_it(robot: str, ada: Any, client: Client, bearer: Any) -> None:
    assert client.get("/api/v1/api-keys", headers={"authorization": bearer(ada)}).json()["count"] == 0


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("robot", "entry 1"),
        ("robot:", "entry 1"),
        (f":{DIGEST}", "entry 1"),
        (f"robot:{DIGEST[:-1]}", "64 hex digits"),
        (f"robot:{DIGEST}0", "64 hex digits"),
        (f"robot:{'g' * 64}", "64 hex digits"),
        (f"robot:{TEXT}", "64 hex digits"),
        (f"ro bot:{DIGEST}", "entry 1"),
        (f"robot:sha256:{DIGEST}", "64 hex digits"),
        (f"robot:{'٠' * 64}", "64 hex digits"),
    ],
)
def test_what_is_no_name_and_digest_is_refused_at_start_and_opens_nothing(entry: str, told: str, settings: Any) -> None:
    settings.ML_API_KEYS = [entry]
    [error] = check_environment_keys(None)
    assert error.id == "accounts.E001"
    assert told in error.msg
    assert DIGEST not in error.msg
    assert TEXT not in error.msg
    assert environment_keys.entries() == {}
    with pytest.raises(SystemCheckError, match=r"accounts\.E001"):
        call_command("check")


def test_upper_case_digits_are_hex_too(settings: Any) -> None:
    settings.ML_API_KEYS = [f"robot:{DIGEST.upper()}"]
    assert check_environment_keys(None) == []
    assert credentials.authenticate(api_key=TEXT) is not None


@pytest.mark.parametrize("second", [f"robot:{'0' * 64}", f"other:{DIGEST}"])
def test_names_and_digests_are_there_once(second: str, settings: Any) -> None:
    settings.ML_API_KEYS = [f"robot:{DIGEST}", second]
    [error] = check_environment_keys(None)
    assert "twice" in error.msg


def test_unknown_scopes_are_refused_at_start(settings: Any) -> None:
    settings.ML_API_KEY_SCOPES = ["predict", "fly"]
    [error] = check_environment_keys(None)
    assert "fly" in error.msg


@pytest.mark.parametrize(("key", "errors"), [("", 0), ("short", 1), ("k" * 40, 0), ("same", 1)])
def test_a_fallback_key_is_a_real_and_another_one(key: str, errors: int, settings: Any) -> None:
    settings.JWT_SIGNING_KEY_FALLBACK = settings.JWT_SIGNING_KEY if key == "same" else key
    assert [error.id for error in check_fallback_key(None)] == ["accounts.E002"] * errors


@pytest.mark.parametrize("value", [0, -1])
def test_a_lock_that_never_begins_or_lasts_is_refused(value: int, settings: Any) -> None:
    assert check_sign_in_numbers(None) == []
    settings.SIGN_IN_ATTEMPTS = value
    assert [error.id for error in check_sign_in_numbers(None)] == ["accounts.E003"]
