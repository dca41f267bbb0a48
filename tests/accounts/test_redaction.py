"""No secret and no control character comes through."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import redaction
from accounts.redaction import without_controls, without_secrets
from accounts.services import create_key

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoxMjN9.c2lnbmF0dXJlLW9mLWl0"
KEY = "mlp_AbCdEfGhIjKl_0123456789abcdefghijABCDEFGHIJ"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"X-API-Key: {KEY}", KEY),
        (f"calling with {KEY}.", KEY),
        (f"refresh {JWT} is used", JWT),
        ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("sent Api-Key abcdefgh12345678", "abcdefgh12345678"),
        ("Basic cm9vdDpob3JzZQ== was refused", "cm9vdDpob3JzZQ=="),
        ("could not connect to postgres://app:hunter22@db:5432/ml", "hunter22"),
        ("redis://:hunter22@cache:6379/0 timed out", "hunter22"),
        ("password=hunter22&next=/", "hunter22"),
        ('{"password": "hunter 22 with spaces", "email": "a@b.c"}', "hunter 22 with spaces"),
        ("{'client_secret': 'hunter22'}", "hunter22"),
        ("AWS_SECRET_ACCESS_KEY=hunter22", "hunter22"),
        ("sessionid=hunter22; csrftoken=moose", "hunter22"),
        ("Cookie: __Host-session=hunter22", "hunter22"),
        ("otp: 492039", "492039"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEhunter22\n-----END RSA PRIVATE KEY-----", "MIIEhunter22"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEhunter22 and so on, cut", "MIIEhunter22"),
    ],
)
def test_a_secret_is_taken_out(text: str, secret: str) -> None:
    assert secret not in without_secrets(text)
    assert redaction.REMOVED in without_secrets(text)


@pytest.mark.django_db
def test_a_real_key_is_taken_out(ada: Any) -> None:
    _, key = create_key(by=ada, owner=ada, name="k", scopes=["read"])

    assert without_secrets(f"got {key} today") == f"got {redaction.REMOVED} today"


def test_the_values_of_the_secret_settings_are_taken_out_wherever_they_stand(settings: Any) -> None:
    redaction._known_values.cache_clear()
    settings.REDIS_URL = "redis://:sw%40rdfish@cache:6379/0"
    values = [settings.SECRET_KEY, settings.JWT_SIGNING_KEY, settings.API_KEY_PEPPER, "sw@rdfish"]
    try:
        for value in values:
            assert without_secrets(f"oops {value}!") == f"oops {redaction.REMOVED}!"
    finally:
        redaction._known_values.cache_clear()


@pytest.mark.parametrize(
    "text",
    [
        "model churn:3 is live; 12 rows in 3.4 ms",
        "The stored files of oracle:1 are whole again",
        "could not convert string to float",
        "https://example.org:8000/path?x=1",
        "version 3 of churn@production",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize("name", ["password", "X-Api-Key", "refresh_token", "JWT_SIGNING_KEY", "sentry_dsn", "Cookie"])
def test_a_name_can_tell_of_a_secret(name: str) -> None:
    assert redaction.is_secret_name(name)
    assert not redaction.is_secret_name("model")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a\\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202eabc", "\\u202eabc"),
        ("\ud800", "\\ud800"),
        ("é", "é"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    assert without_controls(text) == shown


@given(st.text())
def test_whatever_comes_leaves_printable_and_encodable(text: str) -> None:
    shown = without_controls(text)

    assert shown.isprintable()
    shown.encode()
