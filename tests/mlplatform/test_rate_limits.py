"""Limits as a client meets them."""

from typing import Any

import pytest
from django.test import Client

from accounts import services

ME = "/api/v1/auth/me"


@pytest.fixture(autouse=True)
def small(settings: Any) -> None:
    settings.RATE_LIMIT_REQUESTS, settings.RATE_LIMIT_KEY_REQUESTS = 3, 5


@pytest.fixture
def headers(ada: Any) -> dict[str, str]:
    return {"X-API-Key": services.create_key(by=ada, owner=ada, name="n", scopes=["read"])[1]}


def test_every_answer_of_the_api_tells_how_the_caller_stands(client: Client, headers: Any) -> None:
    answers = [
        client.get(ME, headers=headers),
        client.get("/api/v1/nothing-here", headers=headers),
        client.put(ME, headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [200, 404, 405]
    assert [answer["RateLimit-Limit"] for answer in answers] == ["5", "5", "5"]
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["4", "3", "2"]
    assert all(60 <= int(answer["RateLimit-Reset"]) <= 62 for answer in answers)


def test_over_the_limit_the_answer_is_429_in_the_envelope_with_a_time_to_come_again(
    client: Client, headers: Any
) -> None:
    for _ in range(5):
        assert client.get(ME, headers=headers).status_code == 200
    refused = client.get(ME, headers=headers)

    assert refused.status_code == 429
    error = refused.json()["error"]
    assert error["code"] == "rate_limited"
    assert error["request_id"] == refused["X-Request-ID"]
    assert refused["Retry-After"] == refused["RateLimit-Reset"] == str(error["details"]["retry_after_seconds"])
    assert refused["RateLimit-Remaining"] == "0"
    assert refused["Content-Type"] == "application/json"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given", [{}, {"X-API-Key": "mlp_wrong"}, {"Authorization": "Bearer wrong"}, {"X-API-Key": "x" * 9000}]
)
def test_bad_credentials_count_against_the_address(client: Client, given: dict[str, str]) -> None:
    statuses = [client.get(ME, headers=given).status_code for _ in range(5)]

    assert statuses == [401, 401, 401, 429, 429]


@pytest.mark.django_db
def test_neither_another_spelling_nor_a_header_opens_a_new_bucket(client: Client) -> None:
    statuses = [
        client.get(ME).status_code,
        client.get(f"{ME}/", headers={"X-Forwarded-For": "6.6.6.6"}).status_code,
        client.get("/api/v1/models", headers={"X-Real-IP": "6.6.6.6"}).status_code,
        client.get(ME, headers={"Forwarded": "for=6.6.6.6"}).status_code,
    ]

    assert statuses == [401, 401, 401, 429]


@pytest.mark.django_db
def test_attempts_to_sign_in_are_counted_in_the_api_and_in_the_admin_alike(client: Client) -> None:
    body = {"email": "nobody@example.org", "password": "wrong"}
    first = client.post("/api/v1/auth/login", body, content_type="application/json")
    pages = [client.post("/admin/login/", {"username": "a@b.c", "password": "x"}) for _ in range(4)]

    assert first.status_code == 401
    assert [page.status_code for page in pages] == [200, 200, 429, 429]
    assert client.get("/admin/login/").status_code == 200


def test_health_is_never_limited_and_says_nothing_about_limits(client: Client) -> None:
    answers = [client.get("/health") for _ in range(20)]

    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit-Limit" not in answers[-1].headers


def test_a_key_without_a_limit_is_told_of_none(client: Client, root: Any) -> None:
    text = services.create_key(by=root, owner=root, name="n", scopes=["read"], rate_limit=0)[1]
    answers = [client.get(ME, headers={"X-API-Key": text}) for _ in range(20)]

    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit-Limit" not in answers[-1].headers
