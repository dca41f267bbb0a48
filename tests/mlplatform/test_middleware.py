"""Ids, health answers and the browser's rules."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

import mlplatform.urls
from inference import health


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.request_id)  # type: ignore[attr-defined]


def own_policy(request: HttpRequest) -> HttpResponse:
    return HttpResponse(headers={"Content-Security-Policy": "default-src 'self'"})


urlpatterns = [
    path("", page),
    path("api/thing", page),
    path("own", own_policy),
    *mlplatform.urls.urlpatterns,
]
handler404 = "mlplatform.error_pages.page_not_found"
handler400 = "mlplatform.error_pages.bad_request"
pytestmark = pytest.mark.urls(__name__)


def test_a_sane_request_id_is_kept(client: Client) -> None:
    response = client.get("/", headers={"x-request-id": "abc-123.x:y_Z"})
    assert response.content == b"abc-123.x:y_Z"
    assert response.headers["X-Request-ID"] == "abc-123.x:y_Z"


@pytest.mark.parametrize("given", ["", " ", "a b", "a\tb", "é", "x" * 65, "-x", "<script>", "a;b", 'a"b'])
def test_any_other_id_is_replaced(given: str, client: Client) -> None:
    response = client.get("/", headers={"x-request-id": given})
    made = response.headers["X-Request-ID"]
    assert made != given
    assert len(made) == 32
    assert response.content.decode() == made


def test_ids_differ(client: Client) -> None:
    assert client.get("/").headers["X-Request-ID"] != client.get("/").headers["X-Request-ID"]


@pytest.mark.parametrize("url", ["/api/thing?name=a%00b", "/api/thing?%00", "/api/%00", "/?q=%00"])
def test_an_address_with_a_nul_is_refused(url: str, client: Client) -> None:
    response = client.get(url)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "nul_in_address")


@pytest.mark.parametrize("url", ["/health", "/health/"])
def test_health_is_answered_to_anybody_under_any_host(url: str, client: Client) -> None:
    response = client.get(url, headers={"host": "10.0.0.7:9"})
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response.headers["X-Request-ID"]
    assert client.head(url).status_code == 200
    assert client.post(url).status_code == 405


@pytest.mark.parametrize("url", ["/ready", "/ready/"])
@pytest.mark.parametrize(("is_ready", "status", "word"), [(True, 200, "ready"), (False, 503, "not ready")])
def test_readiness_is_what_inference_says(
    url: str, is_ready: bool, status: int, word: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "is_ready", lambda: is_ready)
    response = client.get(url, headers={"host": "evil.example"})
    assert (response.status_code, response.json()) == (status, {"status": word})


def test_health_is_answered_in_production_without_a_redirect(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/health").status_code == 200
    assert client.get("/").status_code == 301


def directives(response: Any) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in response.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


def test_admin_pages_may_evaluate_but_load_nothing_foreign(client: Client, root: Any) -> None:
    client.force_login(root)
    for url in ("/admin/login/", "/admin/", "/admin/accounts/user/"):
        rules = directives(client.get(url))
        assert rules["script-src"] == "'self' 'unsafe-eval'"
        assert rules["default-src"] == "'self'"
        assert rules["frame-ancestors"] == "'none'"
        assert not any(
            "http" in value or "*" in value or "'unsafe-inline'" in rules["script-src"] for value in rules.values()
        )


def test_the_docs_may_style_themselves_and_evaluate_nothing(client: Client) -> None:
    rules = directives(client.get("/docs"))
    assert rules["script-src"] == "'self'"
    assert rules["style-src"] == "'self' 'unsafe-inline'"


@pytest.mark.parametrize("url", ["/", "/api/thing", "/nothing", "/api/nothing"])
def test_everything_else_may_do_nothing(url: str, client: Client) -> None:
    rules = directives(client.get(url))
    assert rules["default-src"] == "'none'"
    assert "script-src" not in rules


def test_a_view_may_have_a_policy_of_its_own(client: Client) -> None:
    assert client.get("/own").headers["Content-Security-Policy"] == "default-src 'self'"


@pytest.mark.parametrize("url", ["/", "/api/thing", "/nothing"])
def test_the_other_rules_are_everywhere(url: str, client: Client) -> None:
    headers = client.get(url).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_they_are_also_on_refusals_of_foreign_hosts(client: Client) -> None:
    response = client.get("/api/thing", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert response.headers["X-Frame-Options"] == "DENY"


def test_answers_of_the_api_are_not_stored(client: Client) -> None:
    assert client.get("/api/thing").headers["Cache-Control"] == "no-store"
    assert "Cache-Control" not in client.get("/").headers
