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
from typing import Any, NamedTuple, TypeAlias

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.middleware.security import SecurityMiddleware

from accounts import credentials, limits
from accounts.arrival import arrived_at
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
# All else that decides whether a request may be answered here, and with which headers.
_TELLING = (
    "PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "CONTENT_TYPE", "HTTP_ACCEPT", "HTTP_HOST", "HTTP_X_FORWARDED_PROTO",
    "wsgi.url_scheme",
)  # fmt: skip
_ALLOW = ("Allow", "POST, OPTIONS")  # from the view, so not where the request does not get that far
_MOST_REMEMBERED = 1000
_JUDGED = "mlplatform.fit"  # in an environ; what clients send begins with HTTP_
_STATUS_LINES = {status: f"{status} {reason}" for status, reason in responses.items()}
_to_json = FastJSONRenderer().render


class Terms(NamedTuple):
    """What a request's line and headers come to, apart from who sends it and how much."""

    reference: str
    headers: Headers  # what every answer to this host carries


class Fit(NamedTuple):
    """A request that the lane answers."""

    terms: Terms
    principal: Principal
    length: int  # of its body, in bytes


class FastLane:
    """A WSGI application in front of another one."""

    def __init__(self, django: Application) -> None:
        self._django = django
        self._known: dict[tuple[str | None, ...], Terms | None] = {}
        self.answered = 0  # roughly, with several threads

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        fit = environ.pop(_JUDGED, None) or self._fit(environ)
        if fit is None:
            return self._django(environ, start_response)
        body = environ["wsgi.input"].read(fit.length)
        if len(body) != fit.length:
            environ["wsgi.input"] = BytesIO(body)
            return self._django(environ, start_response)
        self.answered += 1
        return _answer(environ, start_response, fit, body)

    def is_quick(self, environ: Environ, body: bytes) -> bool:
        """Whether this request is answered here in less time than handing it to a thread takes, without waiting.

        `body` is what has arrived of it. The verdict is left in `environ`, so that it isn't found twice.
        """
        fit = self._fit(environ)
        if fit is None or not lane.is_quick(fit.terms.reference, body) or not limits.is_near(fit.principal):
            environ.pop(_JUDGED, None)  # found when less of the body was there: whose key it was may have ended since
            return False
        environ[_JUDGED] = fit
        return True

    def is_brief(self, environ: Environ, body: bytes) -> bool:
        """Whether this would be quick, but that its known credential must be verified anew, or Redis asked."""
        fitting = self._fitting(environ)
        return (
            fitting is not None
            and lane.is_quick(fitting[0].reference, body)
            and credentials.is_known(
                authorization=environ.get("HTTP_AUTHORIZATION"), api_key=environ.get("HTTP_X_API_KEY")
            )
        )

    def _fit(self, environ: Environ) -> "Fit | None":
        """What is known of a request that the lane answers; None for one that it doesn't."""
        fitting = self._fitting(environ)
        if fitting is None:
            return None
        # Whose credential this is, if it was verified a moment ago.
        principal = credentials.recall(
            authorization=environ.get("HTTP_AUTHORIZATION"), api_key=environ.get("HTTP_X_API_KEY")
        )
        if principal is None or "predict" not in principal.scopes:
            return None
        return Fit(fitting[0], principal, fitting[1])

    def _fitting(self, environ: Environ) -> tuple[Terms, int] | None:
        """The terms, and the length, of a request that the lane answers whoever sends it; None for another one."""
        if environ["REQUEST_METHOD"] != "POST" or not environ["PATH_INFO"].startswith(PREFIX):
            return None
        terms = self._terms(environ)
        length = _length(environ.get("CONTENT_LENGTH") or "")
        if terms is None or not length or not _UNUSUAL.isdisjoint(environ) or not lane.is_steady(terms.reference):
            return None
        return terms, length

    def _terms(self, environ: Environ) -> Terms | None:
        """The terms of this request, or None where Django should judge it. Found once for equal headers."""
        key = tuple(map(environ.get, _TELLING))
        if key in self._known:
            return self._known[key]
        terms = _judge(environ)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[key] = terms
        return terms


def _judge(environ: Environ) -> Terms | None:
    if environ.get("QUERY_STRING") or environ.get("SCRIPT_NAME") or not environ.get("HTTP_HOST"):
        return None
    if environ.get("CONTENT_TYPE", "").lower() not in _JSON or environ.get("HTTP_ACCEPT", "*/*") not in _ACCEPTED:
        return None
    reference = environ["PATH_INFO"][len(PREFIX) :].removesuffix("/").removesuffix("/batch")
    if not _REFERENCE.fullmatch(reference):
        return None
    headers = _standing_headers(WSGIRequest({**environ, "wsgi.input": BytesIO()}))
    return None if headers is None else Terms(reference, headers)


def _standing_headers(request: WSGIRequest) -> Headers | None:
    """What every answer to this host carries; None when Django refuses the host or sends it to HTTPS.

    Asked of the middleware itself, so that there is no second list of headers.
    """
    try:
        request.get_host()
    except DisallowedHost:
        return None
    response = _surrounded(request)
    if response.status_code != 200:
        return None
    headers = [(name, value) for name, value in response.items() if name != "Content-Type"]
    return [*headers, ("Content-Type", "application/json"), ("Vary", "origin")]


def _surrounded(request: WSGIRequest) -> Any:
    """An empty answer after the middleware that treats every answer alike."""
    security = SecurityMiddleware(lambda _: HttpResponse())
    return ContentPolicyMiddleware(lambda request: security(request))(request)  # type: ignore[arg-type, return-value]


def _length(text: str) -> int:
    """The length of a body that may be read here, or 0."""
    length = int(text) if text.isdecimal() and text.isascii() and len(text) <= 12 else 0
    return length if length <= settings.MAX_BODY_BYTES else 0


def _answer(environ: Environ, start_response: Callable[..., Any], fit: Fit, body: bytes) -> Iterable[bytes]:
    terms, principal, _ = fit
    request_id = request_id_from(environ.get("HTTP_X_REQUEST_ID"))
    verdict = limits.check(principal=principal, address="")
    status, headers = 200, [*terms.headers, (REQUEST_ID_HEADER, request_id)]
    if verdict is not None:
        headers += limits.headers(verdict).items()
    try:
        if verdict is not None and not verdict.is_admitted:
            raise limits.refusal(verdict)
        headers.append(_ALLOW)
        answer = lane.predict(
            principal=principal,
            reference=terms.reference,
            body=body,
            request_id=request_id,
            arrived_at=arrived_at(environ),
        )
        text = lane.answer_text(answer, request_id=request_id)
        headers += answer_headers(answer).items()
    except Exception as error:
        errors.log_fault(error, request_id, model=terms.reference)
        told = errors.answer_to(error)
        status, text = told.status, _to_json(told.body(request_id))
        headers += told.headers.items()
    headers.append(("Content-Length", str(len(text))))
    start_response(_STATUS_LINES[status], headers)
    return (text,)
