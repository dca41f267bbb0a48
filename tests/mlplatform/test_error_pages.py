"""What is answered when no view answers."""

from io import BytesIO
from typing import Any

import orjson
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path


def crash(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("<script>secret</script>")


def read(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(len(request.body)))


urlpatterns = [path("api/crash", crash), path("api/read", read), path("page/crash", crash)]
handler400 = "mlplatform.error_pages.bad_request"
handler403 = "mlplatform.error_pages.permission_denied"
handler404 = "mlplatform.error_pages.page_not_found"
handler500 = "mlplatform.error_pages.server_error"
pytestmark = pytest.mark.urls(__name__)


def code(response: Any) -> tuple[int, str]:
    body = orjson.loads(response.content)["error"]
    assert body["request_id"] == response.headers["X-Request-ID"]
    return response.status_code, body["code"]


@pytest.mark.parametrize("url", ["/api/v1/nothing", "/api/", "/predict/nothing/at/all", "/monitoring/x"])
def test_an_unknown_api_path_is_told_in_json(url: str, client: Client) -> None:
    assert code(client.get(url, headers={"accept": "text/html"})) == (404, "not_found")


def test_a_foreign_host_is_told_in_json(client: Client) -> None:
    response = client.get("/api/v1/models", headers={"host": "evil.example"})
    assert code(response) == (400, "disallowed_host")
    assert "evil" not in response.content.decode()


def test_a_body_over_djangos_limit_is_413(client: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert code(client.post("/api/read", b"x" * 11, content_type="application/json")) == (
        413,
        "body_too_large",
    )


def test_a_body_that_breaks_off_is_400(client: Client) -> None:
    class Broken(BytesIO):
        def read(self, *args: Any) -> bytes:
            raise OSError("reset by peer")

    client.raise_request_exception = False
    response = client.generic("POST", "/api/read", b"x", **{"wsgi.input": Broken()})
    assert code(response) == (400, "body_unreadable")


def test_a_crash_outside_drf_tells_nothing(client: Client) -> None:
    client.raise_request_exception = False
    assert code(client.get("/api/crash")) == (500, "internal_error")


def test_people_get_a_page(client: Client) -> None:
    client.raise_request_exception = False
    for url, status in (("/nothing", 404), ("/page/crash", 500)):
        response = client.get(url, headers={"accept": "text/html,application/xhtml+xml"})
        assert response.status_code == status
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert b"secret" not in response.content
        assert response.headers["X-Request-ID"].encode() in response.content
        assert b"href='/admin/'" in response.content


@pytest.mark.urls("mlplatform.urls")
def test_a_page_that_names_no_icon_has_one(client: Client) -> None:
    assert client.get("/favicon.ico")["Location"].endswith(".svg")
