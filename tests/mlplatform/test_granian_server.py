"""The master of the web server: what it may hold before it forks, and its patience."""

import os
import socket
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings

from mlplatform import granian_server
from mlplatform.granian_server import PlatformServer


def test_what_the_master_imports_starts_no_thread_and_opens_no_database() -> None:
    code = (
        "import os; from mlplatform.granian_server import _load; _load()\n"
        "from django.db import connection; import sys\n"
        "names = {'onnxruntime', 'sklearn', 'scipy', 'pandas', 'torch', 'onnx', 'skl2onnx', 'joblib'}\n"
        "heavy = names & set(sys.modules)\n"
        "print(len(os.listdir('/proc/self/task')), connection.connection, sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.stdout.split("\n")[-2] == "1 None []", done.stdout + done.stderr


def test_an_address_that_is_taken_is_refused_even_by_a_server_that_would_share_it() -> None:
    [first, second] = granian_server.listen("127.0.0.1", 0, 1) + granian_server.listen("127.0.0.1", 0, 1)
    with first, second:
        assert first.getsockname() != second.getsockname()
        with pytest.raises(OSError, match="in use"):
            granian_server.listen("127.0.0.1", first.getsockname()[1], 2)


def test_the_sockets_of_all_workers_have_one_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    listeners = granian_server.listen("127.0.0.1", port, 3)
    assert {listener.getsockname() for listener in listeners} == {("127.0.0.1", port)}
    assert all(listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for listener in listeners)
    for listener in listeners:
        listener.close()


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch) -> PlatformServer:
    monkeypatch.setattr(granian_server, "LONGEST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(PlatformServer, "_respawn_workers", lambda *_: None)
    return PlatformServer(host="127.0.0.1", port=0, workers=2, threads=1, log_level="info")


def worker(age: float) -> Any:
    return SimpleNamespace(birth=time.monotonic() - age)


def test_a_server_whose_workers_never_served_gives_up_and_one_that_served_does_not(master: PlatformServer) -> None:
    master.wrks = [worker(0.1), worker(0.1)]
    hopeless = []
    for _ in range(granian_server.MAX_QUICK_DEATHS):
        master._pause_before(0)
        hopeless.append(master._is_hopeless(0))
    assert hopeless == [False] * (granian_server.MAX_QUICK_DEATHS - 1) + [True]

    master.wrks = [worker(0.1), worker(1000)]
    assert not master._is_hopeless(0)


def test_a_worker_that_had_settled_is_replaced_at_once_and_its_deaths_are_forgotten(master: PlatformServer) -> None:
    master.wrks = [worker(0.1)]
    for _ in range(3):
        master._pause_before(0)
    master.wrks = [worker(1000)]
    master._pause_before(0)
    assert master._quick_deaths == {0: 0}
