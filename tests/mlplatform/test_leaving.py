"""How a server leaves: announced to all of its processes, in two steps, without losing whoever stands in the door."""

import multiprocessing
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mlplatform import leaving


@pytest.fixture(autouse=True)
def staying() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    yield
    leaving.announce(is_leaving=False)
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_readiness_ends_and_health_does_not(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.process.is_ready", lambda: True)
    assert client.get("/ready").status_code == 200
    leaving.announce()
    assert [client.get(path).status_code for path in ("/ready", "/health")] == [503, 200]


def test_what_a_master_announces_its_forks_know() -> None:
    asked = multiprocessing.get_context("fork").Process(target=leaving.announce)
    asked.start()
    asked.join()
    assert leaving.is_announced()


def test_the_first_signal_announces_and_the_alarm_stops() -> None:
    stopped = threading.Event()
    handle = leaving.in_two_steps(lambda *_: stopped.set(), seconds=600)
    handle(signal.SIGTERM, None)
    assert (leaving.is_announced(), stopped.is_set()) == (True, False)
    assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 600
    signal.setitimer(signal.ITIMER_REAL, 0.01)  # the time is over
    assert stopped.wait(60)


def test_a_second_signal_does_not_wait() -> None:
    stopped = threading.Event()
    handle = leaving.in_two_steps(lambda *_: stopped.set(), seconds=60)
    handle(signal.SIGTERM, None)
    handle(signal.SIGTERM, None)
    assert stopped.is_set()


def test_without_a_time_to_wait_a_stop_is_a_stop() -> None:
    stopped = threading.Event()
    leaving.in_two_steps(lambda *_: stopped.set(), seconds=0)(signal.SIGTERM, None)
    assert stopped.is_set()


def test_answers_end_their_connections_once_the_server_leaves() -> None:
    told: list[Any] = []
    application = leaving.Farewell(lambda environ, start: start("200 OK", [("X-A", "1")]) or [b""])
    application({}, lambda status, headers: told.append(headers))
    leaving.announce()
    application({}, lambda status, headers: told.append(headers))
    assert told == [[("X-A", "1")], [("X-A", "1"), ("Connection", "close")]]


def test_who_was_let_in_is_taken_and_who_comes_later_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as early:
        leaving.let_nobody_in([listener])
        early.sendall(b"question")
        taken, _ = listener.accept()
        with taken:
            assert taken.recv(100) == b"question"
        with pytest.raises(TimeoutError):
            socket.create_connection(listener.getsockname(), timeout=0.2)
