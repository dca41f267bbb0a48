"""The line for each request, around both doors."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import RequestFactory

from accounts.services import create_key
from mlplatform import request_log
from mlplatform.fast_lane import FastLane
from mlplatform.request_log import RequestLog
from registry import services
from tests.standing_in import stand_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def connections_stay() -> Iterator[None]:
    """As Django's own test client has it: the connection belongs to the test."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


def told(capfd: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith('{"method"')]


def ask(application: Any, path: str, body: bytes = b"", **headers: str) -> tuple[str, bytes]:
    factory = RequestFactory()
    request = (
        factory.post(path, body, "application/json", headers=headers) if body else factory.get(path, headers=headers)
    )
    environ, status = dict(request.environ), []
    environ["HTTP_HOST"] = "localhost"
    environ.pop("HTTP_COOKIE", None)

    def start(line: str, headers: Iterable[Any], *more: Any) -> None:
        status.append(line)

    content = b"".join(application(environ, start))
    return status[0], content


def test_both_doors_tell_the_same_and_no_more(ada: Any, served_version: Any, capfd: Any) -> None:
    version = served_version("told")
    services.activate(version=version, by=ada)
    _, key = create_key(by=ada, owner=ada, name="k", scopes=["predict", "read"])
    lane = FastLane(WSGIHandler())
    application = RequestLog(lane, is_json=True)
    for _ in range(3):
        body = b'{"instances": [[123456.5, 2]], "use_cache": false}'
        assert ask(application, "/api/v1/predict/told", body, **{"X-API-Key": key})[0] == "200 OK"

    assert lane.answered > 0
    lines = told(capfd)
    assert len(lines) == 3
    for line in lines:
        assert (line["method"], line["path"], line["status"]) == ("POST", "/api/v1/predict/told", 200)
        assert (line["model"], line["version"], line["cache"], line["actor"]) == ("told", "1", "bypass", ada.pk)
        assert line["ms"] > 0
        assert line["bytes"] > 0
        assert re.fullmatch(r"[0-9a-f]{32}", line["request_id"])
        assert not {"body", "query"} & line.keys()
    assert "123456.5" not in str(lines)


def test_queries_stay_out_and_paths_can_not_forge(capfd: Any) -> None:
    application = RequestLog(WSGIHandler(), is_json=True)
    ask(application, "/nothing%0Ahere?password=hunter22")

    [line] = told(capfd)
    assert "hunter22" not in str(line)
    assert line["path"] == "/nothing\\nhere"
    assert line["status"] == 404


def test_health_is_not_told(capfd: Any) -> None:
    ask(RequestLog(WSGIHandler(), is_json=True), "/health")

    assert told(capfd) == []


def test_on_a_terminal_it_is_an_ordinary_line(caplog: Any) -> None:
    with caplog.at_level("INFO"):
        ask(RequestLog(WSGIHandler(), is_json=False), "/nothing")

    assert [record.getMessage() for record in caplog.records if record.name.endswith("request_log")] == [
        "GET /nothing 404"
    ]


def test_a_log_that_can_not_be_written_to_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> int:
        raise OSError("no space")

    stand_in(monkeypatch, request_log, "os", write=full)
    assert ask(RequestLog(WSGIHandler(), is_json=True), "/nothing")[0].startswith("404")
