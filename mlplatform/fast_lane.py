"""The fast lane: the common prediction is answered in front of Django, everything else by Django.

    POST /api/v1/predict/{ref}[/batch][/] with a JSON body of stated length, a credential that was verified a moment
    ago and has the scope, and a version that is loaded.

Whether a request is one is decided from its headers alone, before anything is read, counted or written; what is not
goes to Django untouched. What is decided here is answered here: the same limits, the same predictor, the same table
of errors, the same headers. The view is the contract; tests/parity compares the two doors.
"""

import re
from collections.abc import Callable, Iterable
from http.client import responses
from io import BytesIO
from typing import Any, TypeAlias

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.middleware.security import SecurityMiddleware

from accounts import credentials, limits
from accounts.principal import Principal
from accounts.strict_json import FastJSONRenderer
from inference import lane
from inference.views import answer_headers
from mlplatform import errors
from mlplatform.middleware import REQUEST_ID_HEADER, ContentPolicyMiddleware, request_id_from

Environ: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Headers: TypeAlias = list[tuple[str, str]]

PREFIX = "/api/v1/predict/"
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,99}", re.ASCII)
_JSON = frozenset({"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"})
_ACCEPTED = frozenset({"*/*", "application/json", "application/json, */*", "application/json, text/plain, */*"})
# With one of these a request means more than its body says: other sites, sessions, other framings.
_UNUSUAL = frozenset({"HTTP_ORIGIN", "HTTP_COOKIE", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_CONTENT_ENCODING"})
_ALLOW = ("Allow", "POST, OPTIONS")  # from the view, so not where the request does not get that far
_MOST_REMEMBERED = 1000
_STATUS_LINES = {status: f"{status} {reason}" for status, reason in responses.items()}
_to_json = FastJSONRenderer().render


class FastLane:
    """A WSGI application in front of another one."""

    def __init__(self, django: Application) -> None:
        self._django = django
        self._references: dict[str, str] = {}
        self._hosts: dict[str, Headers] = {}
        self.answered = 0  # roughly, with several threads

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(PREFIX) or environ["REQUEST_METHOD"] != "POST":
            return self._django(environ, start_response)
        reference = self._reference(environ["PATH_INFO"])
        headers = self._standing_headers(environ)
        length = _length(environ)
        if reference is None or headers is None or length is None or not lane.is_steady(reference):
            return self._django(environ, start_response)
        principal = _caller(environ)
        if principal is None or not principal.may("predict"):
            return self._django(environ, start_response)
        body = environ["wsgi.input"].read(length)
        if len(body) != length:
            environ["wsgi.input"] = BytesIO(body)
            return self._django(environ, start_response)
        self.answered += 1
        return _answer(environ, start_response, principal, reference, body, headers)

    def _reference(self, path: str) -> str | None:
        """The reference in a path of the two routes, or None for a path that the URL map should judge."""
        known = self._references.get(path)
        if known is not None:
            return known
        reference = path[len(PREFIX) :].removesuffix("/")
        if reference.endswith("/batch"):
            reference = reference[: -len("/batch")]
        if not _REFERENCE.fullmatch(reference):
            return None
        if len(self._references) < _MOST_REMEMBERED:
            self._references[path] = reference
        return reference

    def _standing_headers(self, environ: Environ) -> Headers | None:
        """What every answer to this host carries; None when Django refuses the host or sends it to HTTPS.

        Asked of the middleware itself, once for each host, so that there is no second list of headers.
        """
        key = f"{environ.get('HTTP_HOST')} {environ.get('HTTP_X_FORWARDED_PROTO')} {environ['wsgi.url_scheme']}"
        known = self._hosts.get(key)
        if known is not None:
            return known
        if not environ.get("HTTP_HOST"):
            return None
        request = WSGIRequest(environ)
        try:
            request.get_host()
        except DisallowedHost:
            return None
        response = _surrounded(request)
        if response.status_code != 200:
            return None
        headers = [(name, value) for name, value in response.items() if name != "Content-Type"]
        headers += [("Content-Type", "application/json"), ("Vary", "origin")]
        if len(self._hosts) < _MOST_REMEMBERED:
            self._hosts[key] = headers
        return headers


def _surrounded(request: WSGIRequest) -> Any:
    """An empty answer after the middleware that treats every answer alike."""
    security = SecurityMiddleware(lambda _: HttpResponse())
    return ContentPolicyMiddleware(lambda request: security(request))(request)  # type: ignore[arg-type, return-value]


def _length(environ: Environ) -> int | None:
    """The length of a plain JSON body that may be read, or None."""
    text = environ.get("CONTENT_LENGTH") or ""
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        return None
    if environ.get("CONTENT_TYPE", "").lower() not in _JSON or environ.get("HTTP_ACCEPT", "*/*") not in _ACCEPTED:
        return None
    if environ.get("QUERY_STRING") or environ.get("SCRIPT_NAME") or not _UNUSUAL.isdisjoint(environ):
        return None
    length = int(text)
    return length if 0 < length <= settings.MAX_BODY_BYTES else None


def _caller(environ: Environ) -> Principal | None:
    """Whose credential this is, if it was verified a moment ago."""
    return credentials.recall(authorization=environ.get("HTTP_AUTHORIZATION"), api_key=environ.get("HTTP_X_API_KEY"))


def _answer(
    environ: Environ,
    start_response: Callable[..., Any],
    principal: Principal,
    reference: str,
    body: bytes,
    standing: Headers,
) -> Iterable[bytes]:
    request_id = request_id_from(environ.get("HTTP_X_REQUEST_ID"))
    verdict = limits.check(principal=principal, address="")
    status, headers = 200, [*standing, (REQUEST_ID_HEADER, request_id)]
    if verdict is not None:
        headers += limits.headers(verdict).items()
    try:
        if verdict is not None and not verdict.is_admitted:
            raise limits.refusal(verdict)
        headers.append(_ALLOW)
        answer = lane.predict(principal=principal, reference=reference, body=body, request_id=request_id)
        text = lane.answer_text(answer, request_id=request_id)
        headers += answer_headers(answer).items()
    except Exception as error:
        errors.log_fault(error, request_id, model=reference)
        told = errors.answer_to(error)
        status, text = told.status, _to_json(told.body(request_id))
        headers += told.headers.items()
    headers.append(("Content-Length", str(len(text))))
    start_response(_STATUS_LINES[status], headers)
    return [text]
