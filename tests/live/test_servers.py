"""What holds under either web server: stops are graceful, deaths are mended, and odd requests stay outside."""

import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.live.stack import Stack, wait_until

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.django_db(databases=[])]

BODY = json.dumps({"instances": [[1.0, 0.0]]}).encode()
PATH = "/api/v1/predict/oracle"


@pytest.fixture(params=["builtin", "gunicorn"])
def running(request: Any, stack: Callable[..., Stack], oracle: Any) -> Stack:
    """A server with one live model, and two workers of two threads."""
    started = stack(workers=2, settings={"SERVER": request.param, "THREADS": "2"})
    oracle(started, 1)
    assert started.call("POST", "/api/v1/models/oracle/versions/1/activate", {})[0] == 200
    started.server = request.param  # type: ignore[attr-defined]
    return started


def connect(running: Stack) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.port), timeout=20)


def head(running: Stack, *more: str, length: int = len(BODY)) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", "Host: 127.0.0.1", f"X-API-Key: {running.key}", "Content-Type: application/json"]
    return "\r\n".join([*lines, f"Content-Length: {length}", *more, "", ""]).encode()


def status(link: socket.socket) -> int:
    """The status of the answer; 0 when the connection ends without one."""
    received = b""
    while b"\r\n" not in received:
        part = link.recv(4096)
        if not part:
            return 0
        received += part
    return int(received.split(b" ")[1])


def ask(running: Stack, request: bytes) -> int:
    with closing(connect(running)) as link:
        link.sendall(request)
        return status(link)


def is_gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def test_a_request_in_flight_when_the_server_stops_is_answered_and_recorded(running: Stack) -> None:
    with closing(connect(running)) as link:
        link.sendall(head(running, "Expect: 100-continue"))
        assert status(link) == 100  # it was let in
        link.sendall(BODY[:10])
        os.kill(running.pid("server"), signal.SIGTERM)
        time.sleep(0.5)
        link.sendall(BODY[10:])
        assert status(link) == 200, running.log("server")
    assert running.stop("server") == 0
    assert running.query("SELECT COUNT(*) FROM monitoring_predictionlog") == [(1,)]
    assert running.query("SELECT COUNT(*) FROM monitoring_servingprocess") == [(0,)]


def test_with_every_worker_killed_nobody_is_refused_and_all_is_well_soon(running: Stack) -> None:
    before = running.children("server")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    assert [ask(running, head(running) + BODY) for _ in range(10)] == [200] * 10
    wait_until(lambda: len(running.children("server")) == 2, 120, lambda: running.log("server"))
    assert not set(before) & set(running.children("server"))


def test_a_page_waits_for_its_process_and_predictions_wait_for_neither(running: Stack) -> None:
    """One that hangs is stopped here; what the workers handed over meanwhile is for its successor."""
    if running.server == "gunicorn":  # type: ignore[attr-defined]
        pytest.skip("gunicorn's workers answer pages, too")
    page = b"GET /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    before = running.helpers("server")["mlp-pages"]
    os.kill(before, signal.SIGSTOP)
    with closing(connect(running)) as link:
        link.sendall(page)
        assert [ask(running, head(running) + BODY) for _ in range(10)] == [200] * 10
        os.kill(before, signal.SIGKILL)
        answer = http.client.HTTPResponse(link, method="GET")
        answer.begin()
        assert answer.status == 200, running.log("server")
        assert b"csrfmiddlewaretoken" in answer.read()
        assert before != running.helpers("server")["mlp-pages"]


def test_workers_end_with_a_master_that_was_killed(running: Stack) -> None:
    children = [*running.children("server"), *running.helpers("server").values()]
    running.stop("server", signal.SIGKILL)
    wait_until(lambda: all(is_gone(pid) for pid in children), 120)


def test_a_second_server_on_the_same_address_says_so_and_ends(running: Stack) -> None:
    running.start("second", "serve", "--bind", f"127.0.0.1:{running.port}")
    wait_until(lambda: "in use" in running.log("second").lower(), 120, lambda: running.log("second"))
    assert ask(running, head(running) + BODY) == 200


def test_requests_that_two_readers_would_read_differently_are_refused(running: Stack) -> None:
    assert ask(running, head(running) + BODY) == 200
    chunked = b"5\r\nabcde\r\n0\r\n\r\n"
    assert ask(running, head(running, "Transfer-Encoding: chunked") + chunked) in (400, 411)
    assert ask(running, head(running, "Content-Length: 5") + BODY) == 400
    assert ask(running, head(running, "Transfer-Encoding: chunked, identity") + chunked) in (400, 501)
    assert ask(running, head(running, "X-A : 1") + BODY) == 400
    assert ask(running, head(running, "X-A: 1", " folded") + BODY) == 400
    assert ask(running, head(running, "Host: other") + BODY) == 400
    assert ask(running, head(running, "X-A: " + "a" * 200_000) + BODY) == 431
    assert ask(running, head(running, *(f"X-{at}: a" for at in range(300))) + BODY) == 431
    assert ask(running, head(running) + BODY) == 200


def test_a_large_body_of_a_stranger_is_not_read(running: Stack) -> None:
    with closing(connect(running)) as link:
        link.sendall(
            b"POST /api/v1/models/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500000000\r\n\r\n" + b"a" * 1000
        )
        assert status(link) == 401


def test_slow_headers_and_strangers_slow_bodies_do_not_hold_up_others(running: Stack) -> None:
    if running.server == "gunicorn":  # type: ignore[attr-defined]
        pytest.skip("gunicorn's threads wait for headers; it needs a proxy that buffers them")
    slow = [connect(running) for _ in range(12)]
    for link in slow:
        link.sendall(head(running)[:60])
    strange = [connect(running) for _ in range(12)]
    for link in strange:
        link.sendall(head(running).replace(running.key.encode(), b"mlp_wrong_wrong") + BODY[:10])
    time.sleep(0.5)
    assert [ask(running, head(running) + BODY) for _ in range(10)] == [200] * 10
    for link in slow:
        link.sendall(head(running)[60:] + BODY)
    assert [status(link) for link in slow] == [200] * 12
    assert [status(link) for link in strange] == [401] * 12
    for link in slow + strange:
        link.close()
