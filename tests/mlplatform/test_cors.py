"""Which other sites' pages may call the API from a browser."""

from typing import Any

import pytest
from django.test import Client

SHOP = "https://shop.example.org"
ME = "/api/v1/auth/me"


@pytest.fixture(autouse=True)
def one_site(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [SHOP]


def preflight(client: Client, origin: str, path: str = ME) -> Any:
    return client.options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-api-key",
        },
    )


def test_a_named_site_may_ask_with_a_key_but_without_cookies(client: Client) -> None:
    answer = preflight(client, SHOP)

    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == SHOP
    assert "x-api-key" in answer["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.django_db
def test_a_refusal_can_be_read_by_the_named_site(client: Client) -> None:
    answer = client.get(ME, headers={"Origin": SHOP})

    assert answer.status_code == 401
    assert answer["Access-Control-Allow-Origin"] == SHOP
    assert "RateLimit-Remaining" in answer["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://shop.example.org.evil.example", "null", "http://shop.example.org"]
)
def test_other_sites_are_told_nothing(client: Client, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(client, origin).headers


def test_the_admin_is_for_no_other_site(client: Client) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(client, SHOP, "/admin/login/").headers


def test_without_the_setting_there_is_none(client: Client, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = []

    assert "Access-Control-Allow-Origin" not in preflight(client, SHOP).headers


def test_a_preflight_costs_the_caller_nothing(client: Client, settings: Any) -> None:
    settings.RATE_LIMIT_REQUESTS = 1

    assert {preflight(client, SHOP).status_code for _ in range(5)} == {200}
