"""Views say which scope they need; silence is denial."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from accounts.permissions import ANY_CREDENTIAL
from accounts.routing import Router, route


class SilentView(APIView):
    def get(self, request: Request) -> Response:
        return Response({})


class OneScopeView(SilentView):
    scopes = "read"


class ByMethodView(SilentView):
    scopes = {"get": "read"}

    def post(self, request: Request) -> Response:
        return Response({})


class AnyView(SilentView):
    scopes = ANY_CREDENTIAL


class Things(ViewSet):
    scopes = {"list": "predict"}

    def list(self, request: Request) -> Response:
        return Response([])

    def create(self, request: Request) -> Response:
        return Response({})


_router = Router()
_router.register("api/things", Things, basename="thing")
urlpatterns = [
    route("api/silent", SilentView.as_view()),
    route("api/one", OneScopeView.as_view()),
    route("api/by-method", ByMethodView.as_view()),
    route("api/any", AnyView.as_view()),
    *_router.urls,
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


def answer(client: Client, method: str, url: str, key: str = "") -> tuple[int, str]:
    response = client.generic(
        method, url, b"{}", content_type="application/json", headers={"x-api-key": key} if key else {}
    )
    body = response.json() if response.content and method != "HEAD" else {}
    return response.status_code, body["error"]["code"] if isinstance(body, dict) and "error" in body else ""


@pytest.mark.parametrize("url", ["/api/silent", "/api/one", "/api/by-method", "/api/any", "/api/things"])
def test_without_a_credential_everything_is_401(url: str, client: Client) -> None:
    assert answer(client, "GET", url) == (401, "not_authenticated")


def test_a_view_that_declares_nothing_is_closed_even_to_superusers(client: Client, root: Any, bearer: Any) -> None:
    response = client.get("/api/silent", headers={"authorization": bearer(root)})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("method", "url", "scopes", "expected"),
    [
        ("GET", "/api/one", ["read"], (200, "")),
        ("GET", "/api/one", ["predict"], (403, "scope_missing")),
        ("HEAD", "/api/one", ["read"], (200, "")),
        ("GET", "/api/by-method", ["read"], (200, "")),
        ("HEAD", "/api/by-method", ["read"], (200, "")),
        ("HEAD", "/api/by-method", ["predict"], (403, "")),
        ("POST", "/api/by-method", ["read"], (403, "forbidden")),
        ("DELETE", "/api/by-method", ["predict"], (405, "method_not_allowed")),
        ("GET", "/api/any", ["predict"], (200, "")),
        ("GET", "/api/things", ["predict"], (200, "")),
        ("GET", "/api/things", ["read"], (403, "scope_missing")),
        ("POST", "/api/things", ["predict"], (403, "forbidden")),
        ("PUT", "/api/things", ["predict"], (405, "method_not_allowed")),
        ("OPTIONS", "/api/things", ["read"], (200, "")),
        ("OPTIONS", "/api/silent", ["read"], (403, "forbidden")),
        ("TRACE", "/api/one", ["read"], (405, "method_not_allowed")),
    ],
)
def test_the_declared_scope_decides(
    method: str, url: str, scopes: list[str], expected: tuple[int, str], client: Client, ada: Any, key_of: Any
) -> None:
    assert answer(client, method, url, key_of(ada, *scopes)[1]) == expected


def test_a_refusal_names_the_scope(client: Client, ada: Any, key_of: Any) -> None:
    response = client.get("/api/one", headers={"x-api-key": key_of(ada, "predict")[1]})
    assert response.json()["error"]["details"] == {"scope": "read"}


def test_a_session_is_no_credential_for_the_api(client: Client, root: Any) -> None:
    client.force_login(root)
    assert answer(client, "GET", "/api/any") == (401, "not_authenticated")
