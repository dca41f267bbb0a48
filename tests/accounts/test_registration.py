"""Making an account for oneself."""

from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from tests.accounts.racing import at_once

URL = "/api/v1/auth/register"
PASSWORD = "correct horse battery"
pytestmark = pytest.mark.django_db


def register(client: Client, **body: Any) -> Any:
    return client.post(URL, {"password": PASSWORD, **body}, content_type="application/json")


def fields(response: Any) -> dict[str, list[str]]:
    assert (response.status_code, response.json()["error"]["code"]) == (422, "validation_failed")
    told = response.json()["error"]["details"]["fields"]
    return {name: [item["code"] for item in items] for name, items in told.items()}


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_account_is_made_and_can_sign_in(slash: str, client: Client) -> None:
    response = client.post(
        URL + slash,
        {"email": "New.Person@Example.org", "password": PASSWORD},
        content_type="application/json",
    )
    user = User.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "id": user.pk,
        "email": "new.person@example.org",
        "username": "new.person@example.org",
    }
    login = client.post(
        "/api/v1/auth/login", {"email": user.email, "password": PASSWORD}, content_type="application/json"
    )
    assert login.status_code == 200


def test_a_new_account_is_no_staff_and_joins_the_group(client: Client, settings: Any) -> None:
    settings.REGISTRATION_GROUP = "Guests"
    Group.objects.create(name="Guests")
    register(client, email="a@example.org", username="ann")
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.is_active, user.username) == (False, False, True, "ann")
    assert [group.name for group in user.groups.all()] == ["Guests"]


@pytest.mark.parametrize("group", ["", "No such group"])
def test_without_a_group_a_new_account_has_no_rights(group: str, client: Client, settings: Any) -> None:
    settings.REGISTRATION_GROUP = group
    assert register(client, email="a@example.org").status_code == 201
    user = User.objects.get()
    assert user.groups.count() == 0
    assert user.get_all_permissions() == set()


def test_registration_can_be_switched_off(client: Client, settings: Any) -> None:
    settings.REGISTRATION_OPEN = False
    response = register(client, email="a@example.org")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "registration_closed")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"email": ["required"]}),
        ({"email": "nonsense"}, {"email": ["invalid"]}),
        ({"email": "a" * 250 + "@example.org"}, {"email": ["max_length"]}),
        ({"email": "a@example.org", "username": "a b"}, {"username": ["invalid"]}),
        ({"email": "a@example.org", "username": "b@example.org"}, {"username": ["invalid"]}),
        ({"email": "a@example.org", "password": "12345"}, {"password": 3}),
        ({"email": "a@example.org", "password": "a@example.org"}, {"password": ["password_too_similar"]}),
        ({"email": "a@example.org", "password": ""}, {"password": ["blank"]}),
        ({"email": "a@example.org", "password": "p" * 5000}, {"password": ["max_length"]}),
    ],
)
def test_what_cannot_be_an_account_is_refused_field_by_field(
    body: dict[str, Any], wrong: dict[str, Any], client: Client
) -> None:
    found = fields(register(client, **body))
    assert set(found) == set(wrong)
    for name, codes in wrong.items():
        assert len(found[name]) == codes if isinstance(codes, int) else set(codes) <= set(found[name])
    assert not User.objects.exists()


@pytest.mark.parametrize("email", ["ada@example.org", "ADA@Example.ORG", " ada@example.org "])
def test_an_address_that_is_taken_in_any_case_is_refused(email: str, client: Client, ada: Any) -> None:
    assert fields(register(client, email=email)) == {"email": ["unique"]}


def test_a_username_that_is_taken_in_any_case_is_refused(client: Client) -> None:
    register(client, email="a@example.org", username="ann")
    assert fields(register(client, email="b@example.org", username="ANN")) == {"username": ["unique"]}


@pytest.mark.parametrize("field", ["is_staff", "is_superuser", "groups", "id", "is_active", "date_joined"])
def test_nobody_gives_themselves_more(field: str, client: Client) -> None:
    response = register(client, email="a@example.org", **{field: True})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "unknown_field")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "password", ["pässwörd " * 20, "密码很长很长很长很长", "🐎 battery staple " * 10, " leading space x"]
)
def test_passwords_of_any_length_and_script_work_to_the_last_letter(
    password: str, client: Client, settings: Any
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    assert register(client, email="a@example.org", password=password).status_code == 201
    user = User.objects.get()
    assert user.password.startswith("argon2$argon2id$")
    assert user.check_password(password)
    assert not user.check_password(password[:-1])


@pytest.mark.django_db(transaction=True)
def test_of_requests_that_race_for_one_address_exactly_one_gets_it() -> None:
    answers = at_once(lambda: register(Client(), email="a@example.org").status_code, times=8)
    assert Counter(answers) == {201: 1, 422: 7}
    assert User.objects.count() == 1
