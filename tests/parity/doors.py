"""The two doors to a prediction, called as a web server calls them, and what is compared of their answers."""

import io
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.core.wsgi import get_wsgi_application

from accounts import credentials
from inference import lane, model_cache, prediction_cache
from mlplatform.fast_lane import FastLane
from monitoring.spool.writer import writer
from registry import resolver

HOST = "localhost"


@dataclass(frozen=True)
class Call:
    """One request. `environ` adds to or replaces what a server would say; None takes it away."""

    name: str
    body: bytes = b""
    path: str = "/api/v1/predict/oracle"
    method: str = "POST"
    environ: dict[str, Any] = field(default_factory=dict)
    times: int = 1
    by_lane: bool = True

    def to_environ(self, credential: dict[str, str]) -> dict[str, Any]:
        environ = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path,
            "QUERY_STRING": "",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(self.body)),
            "SERVER_NAME": HOST,
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": HOST,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            **credential,
            **self.environ,
        }
        return {name: value for name, value in environ.items() if value is not None}


class Door:
    """One way in: Django alone, or with the lane in front of it."""

    def __init__(self, *, with_lane: bool) -> None:
        django = get_wsgi_application()
        self.lane = FastLane(django) if with_lane else None
        self._application: Any = self.lane or django

    def ask(self, call: Call, credential: dict[str, str]) -> tuple[list[Any], list[Any], int]:
        """(answers, records, how many of the answers were the lane's), with everything masked that may differ."""
        _forget_what_was_counted()
        before = self.lane.answered if self.lane else 0
        answers = [self._once(call.to_environ(credential)) for _ in range(call.times)]
        return answers, _records(), self.lane.answered - before if self.lane else 0

    def _once(self, environ: dict[str, Any]) -> Any:
        said: dict[str, Any] = {}

        def start(status: str, headers: Iterable[tuple[str, str]], exc_info: Any = None) -> None:
            said.update(status=status, headers=sorted((name.lower(), value) for name, value in headers))

        parts = self._application(environ, start)
        body = b"".join(parts)
        if hasattr(parts, "close"):
            parts.close()
        return said["status"], _masked_headers(said["headers"], body), _masked_body(body)


def _forget_what_was_counted() -> None:
    """Both doors begin with the same memory: nothing cached, nobody near a limit, an empty spool."""
    prediction_cache.cache.clear()
    settings.RATE_LIMIT_DIR = Path(f"{settings.RATE_LIMIT_DIR}x")
    setting_changed.send(Door, setting="RATE_LIMIT_DIR", value=settings.RATE_LIMIT_DIR, enter=True)
    _records()


def _masked_headers(headers: list[tuple[str, str]], body: bytes) -> list[tuple[str, str]]:
    told = dict(headers)
    assert len(told) == len(headers), "a header came twice"
    assert int(told.get("content-length", len(body))) == len(body)
    assert "x-request-id" in told
    hidden = {"content-length", "ratelimit-remaining", "ratelimit-reset", "retry-after"}
    if told["x-request-id"] != "given-id":
        hidden.add("x-request-id")
    return [(name, "*" if name in hidden else value) for name, value in headers]


def _masked_body(body: bytes) -> Any:
    try:
        told = json.loads(body)
    except ValueError:
        return body
    for part in (told, told.get("error", {})):
        for name in ("prediction_id", "request_id", "inference_time_ms"):
            if name in part:
                assert part[name] != ""
                part[name] = "*" if part[name] != "given-id" else "given-id"
    details = told.get("error", {}).get("details", {})
    if "retry_after_seconds" in details:
        details["retry_after_seconds"] = "*"
        told["error"]["message"] = "*"
    return told


def _records() -> list[Any]:
    """What was spooled since the last call, masked."""
    writer.let_go()
    rows = []
    for path in sorted(Path(settings.SPOOL_DIR).rglob("*.jsonl")):
        for line in path.read_bytes().split(b"\n")[:-1]:
            row = json.loads(line)
            assert row["latency_ms"] >= row["inference_ms"] >= 0
            hidden = (
                "id",
                "at",
                "latency_ms",
                "inference_ms",
                *(() if row["request_id"] == "given-id" else ("request_id",)),
            )
            rows.append({name: "*" if name in hidden else value for name, value in row.items()})
        path.unlink()
    return rows


def warm(*headers: dict[str, str], user: Any, world: dict[str, Any]) -> None:
    """Make a steady state: the credentials verified, the references resolved, the versions loaded."""
    for header in headers:
        credentials.authenticate(authorization=header.get("HTTP_AUTHORIZATION"), api_key=header.get("HTTP_X_API_KEY"))
    references = ["oracle", "oracle:1", "oracle:2", "oracle:v1", "oracle@production", "old", "words", "image", "idle:1"]
    for reference in [*references, str(world["id"]), f"{world['id']}:1"]:
        model_cache.cache.get(resolver.resolve(reference, user=user))
        assert lane.is_steady(reference)


def differences(doors: tuple[Door, Door], calls: list[Call], credential: dict[str, str]) -> list[str]:
    """What differs, call by call; and where the lane did not do its part."""
    found = []
    for call in calls:
        plain, fast = doors[0].ask(call, credential), doors[1].ask(call, credential)
        if plain[:2] != fast[:2]:
            found.append(f"{call.name}:\n  view {plain[:2]}\n  lane {fast[:2]}")
        if fast[2] != (call.times if call.by_lane else 0):
            found.append(f"{call.name}: the lane answered {fast[2]} times")
    return found
