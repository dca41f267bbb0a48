"""What surrounds every request: its id, the health answers, what no address holds, and the browser's rules."""

import itertools
import os
import re
from collections.abc import Callable
from typing import TypeAlias

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import ParseError

from accounts import origin
from inference import health
from mlplatform import error_pages, leaving

GetResponse: TypeAlias = Callable[[HttpRequest], HttpResponseBase]

REQUEST_ID_HEADER = "X-Request-ID"
_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)


def request_id_from(given: str | None) -> str:
    """The id that the caller gave, when it is a sane one, or a new one."""
    return given if given and _SANE_ID.fullmatch(given) else _new_id()


_drawn = os.urandom(8).hex()
_numbers = itertools.count(int.from_bytes(os.urandom(5), "big"))


def _new_id() -> str:
    """64 random bits drawn once per process, then a counter: unique without a system call for each."""
    return f"{_drawn}{next(_numbers):016x}"


def _draw() -> None:
    global _drawn
    _drawn = os.urandom(8).hex()


os.register_at_fork(after_in_child=_draw)


class RequestIdMiddleware:
    """Gives every request an id, shared by `request.request_id`, the error body, the log and a header."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = request_id_from(request.META.get("HTTP_X_REQUEST_ID"))
        request.request_id = request_id  # type: ignore[attr-defined]
        with origin.of_request(request.META, request_id, lambda: getattr(request, "_cached_user", None)):
            response = self.get_response(request)
        response.headers[REQUEST_ID_HEADER] = request_id
        return response


class HealthMiddleware:
    """Answers /health and /ready to anybody, under any host name, without a database."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path in ("/health", "/health/"):
            return self._answer(request, is_well=True, word="ok")
        if path in ("/ready", "/ready/"):
            is_ready = health.is_ready() and not leaving.is_announced()
            return self._answer(request, is_well=is_ready, word="ready" if is_ready else "not ready")
        return self.get_response(request)

    @staticmethod
    def _answer(request: HttpRequest, *, is_well: bool, word: str) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
        response = HttpResponse(
            f'{{"status":"{word}"}}', content_type="application/json", status=200 if is_well else 503
        )
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        # CommonMiddleware, which states it elsewhere, is not reached.
        response.headers["Content-Length"] = str(len(response.content))
        return response


class NulMiddleware:
    """Refuses with 400 (`nul_in_address`) an address that holds the character NUL: nothing here has it in its name, and
    PostgreSQL fails where it is asked for one.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return error_pages.respond(request, ParseError("The address holds the character NUL.", "nul_in_address"))
        return self.get_response(request)


_NOTHING_FOREIGN = "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
# The admin's Alpine.js evaluates expressions; everything it loads comes from here.
ADMIN_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    f"img-src 'self' data:; {_NOTHING_FOREIGN}"
)
# Swagger UI sets styles from its own script.
DOCS_POLICY = (
    f"default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; {_NOTHING_FOREIGN}"
)
STRICT_POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "payment",
        "usb",
    )
)


class ContentPolicyMiddleware:
    """Tells browsers what a page may do. A view that sets one of these headers itself is left alone."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy_for(request))
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        headers.setdefault("X-Frame-Options", "DENY")
        if request.path_info.startswith("/api/"):
            headers.setdefault("Cache-Control", "no-store")
        return response


def policy_for(request: HttpRequest) -> str:
    """The content security policy of the page that answers this request."""
    if request.path_info.startswith("/admin/"):
        return ADMIN_POLICY
    if request.path_info.startswith("/docs"):
        return DOCS_POLICY
    return STRICT_POLICY
