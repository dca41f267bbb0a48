"""What is answered when no view answers: an unknown path, a foreign host, a body over the limit, a crash.

`urls.py` names these as `handler400`, `handler403`, `handler404` and `handler500`.
"""

import sys

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from mlplatform import errors

API_PREFIXES = (
    "/api/",
    "/predict",
    "/suggest",
    "/log_event",
    "/propositions",
    "/interactions",
    "/users/",
    "/monitoring/",
    "/metrics",
    "/health",
    "/ready",
)
_PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<meta name=color-scheme content='light dark'><title>{0}</title><h1>{0}</h1><p>{1}</p><p>Request {2}</p>"
    "<p><a href='/admin/'>To the overview</a></p></html>"
)
_HEADINGS = {
    400: "Bad request",
    403: "Not allowed",
    404: "Not found",
    413: "Too large",
    429: "Too many requests",
    503: "Not available",
    507: "No room",
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400"""
    return respond(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403"""
    return respond(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404"""
    return respond(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: called while the error is being handled."""
    error = sys.exc_info()[1] or RuntimeError("The cause is not known.")
    errors.log_fault(error, errors.request_id_of(request))
    return respond(request, error)


def respond(request: HttpRequest, error: BaseException) -> HttpResponse:
    """The envelope for programs, a plain page for people."""
    answer = errors.answer_to(error)
    request_id = errors.request_id_of(request)
    if wants_json(request):
        content, content_type = orjson.dumps(answer.body(request_id)), "application/json"
    else:
        heading = _HEADINGS.get(answer.status, "Something went wrong")
        content, content_type = (
            format_html(_PAGE, heading, answer.message, request_id).encode(),
            "text/html; charset=utf-8",
        )
    headers = {**answer.headers, "Content-Length": str(len(content))}
    return HttpResponse(content, status=answer.status, content_type=content_type, headers=headers)


def wants_json(request: HttpRequest) -> bool:
    """Whether the answer is for a program: on every API path, and for whoever does not ask for HTML."""
    return request.path_info.startswith(API_PREFIXES) or "text/html" not in request.META.get("HTTP_ACCEPT", "")
