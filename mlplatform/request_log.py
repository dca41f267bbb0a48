"""A line for every request, when LOG_REQUESTS is on: around the fast lane and Django alike, so it tells of both.

It is written without the logging machinery, which would cost more than most predictions take: as JSON in one write. In
the console format it goes the ordinary way.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import orjson

from accounts import credentials
from accounts.redaction import without_controls
from mlplatform.logs import FIELDS

Environ: TypeAlias = dict[str, Any]
log = logging.getLogger(__name__)

QUIET = frozenset({"/health", "/health/", "/ready", "/ready/"})
MOST_PATH = 300
_STDERR = 2
# The header of an answer, and the field of its line.
_TOLD = {"X-Request-ID": "request_id", "X-Model-Version": "version", "X-Cache": "cache", "Content-Length": "bytes"}
_PREDICT = "/api/v1/predict/"


class RequestLog:
    """A WSGI application around another one."""

    def __init__(self, inner: Callable[..., Iterable[bytes]], *, is_json: bool) -> None:
        self._inner, self._is_json = inner, is_json

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] in QUIET:
            return self._inner(environ, start_response)
        began = time.perf_counter()
        answer: list[Any] = ["500", []]

        def note(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            answer[:] = status, headers
            return start_response(status, headers, *more)

        try:
            return self._inner(environ, note)
        finally:
            line = facts(environ, answer[0], answer[1], seconds=time.perf_counter() - began)
            self._write(line)

    def _write(self, line: dict[str, Any]) -> None:
        if not self._is_json:
            extra = {name: value for name, value in line.items() if name in FIELDS}
            log.info("%s %s %s", line["method"], line["path"], line["status"], extra=extra)
            return
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        text = orjson.dumps(
            {**line, "message": "request", "level": "info", "logger": __name__, "timestamp": now, "pid": os.getpid()}
        )
        try:
            os.write(_STDERR, text + b"\n")
        except OSError:
            print("a line of the request log could not be written", file=sys.stderr)  # noqa: T201


def facts(environ: Environ, status: str, headers: list[tuple[str, str]], *, seconds: float) -> dict[str, Any]:
    """What a request's line tells. `ms` ends where the body's first piece is handed over, so a download's is short."""
    path = environ["PATH_INFO"][:MOST_PATH]
    line: dict[str, Any] = {
        "method": without_controls(environ["REQUEST_METHOD"][:16]),
        "path": without_controls(path),
        "status": int(status[:3]),
        "ms": round(seconds * 1000, 3),
    }
    for name, value in headers:
        field = _TOLD.get(name)
        if field is not None:
            line[field] = int(value) if field == "bytes" and value.isdigit() else value
    if path.startswith(_PREDICT):
        line["model"] = without_controls(path[len(_PREDICT) :].split("/", 1)[0])
    principal = credentials.recall(
        authorization=environ.get("HTTP_AUTHORIZATION"), api_key=environ.get("HTTP_X_API_KEY")
    )
    if principal is not None:
        line["actor"] = principal.user_id
        if principal.key_id is not None:
            line["key"] = str(principal.key_id)
    return line
