"""The master of the web server: what it may hold before it forks, and its patience."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from unittest import mock

import pytest
from django.conf import settings

from mlplatform.server import master as master_module
from mlplatform.server import sockets
from mlplatform.server.master import Master


@pytest.mark.stores
def test_what_the_master_does_before_it_forks_starts_no_thread_and_opens_no_database() -> None:
    code = (
        "import os, sys; from mlplatform import one_thread; one_thread.tell_libraries()\n"
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mlplatform.settings'); import django; django.setup()\n"
        "from django.core.management import call_command; call_command('check')\n"
        "from mlplatform.server import master; master.gather()\n"
        "from django.db import connection\n"
        "names = {'sklearn', 'scipy', 'pandas', 'torch', 'onnx', 'skl2onnx', 'joblib'}\n"
        "from django.conf import settings\n"
        "heavy = set(sys.modules) & (names if settings.REDIS_URL else names | {'redis'})\n"
        "print(len(os.listdir('/proc/self/task')), connection.connection, sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.stdout.split("\n")[-2] == "1 None []", done.stdout + done.stderr


def test_an_address_where_somebody_listens_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="in use"):
        sockets.bind("127.0.0.1", other.getsockname()[1], 2)


def test_an_address_is_ours_before_a_worker_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    held = sockets.claim("127.0.0.1", port)
    assert held
    with held, pytest.raises(OSError, match="in use"):
        sockets.claim("127.0.0.1", port)
    sockets.claim("127.0.0.1", port).close()  # type: ignore[union-attr]


def test_the_sockets_of_all_workers_have_one_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bound = sockets.bind("127.0.0.1", port, 3)
    assert {each.getsockname() for each in bound} == {("127.0.0.1", port)}
    assert all(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in bound)
    for each in bound:
        each.close()


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch) -> Iterator[Master]:
    one = Master(host="127.0.0.1", port=0, workers=2, threads=1)
    yield one
    for place in one._workers:
        place.listener.close()
    one._to_pages.close()


def aged(master: Master, *ages: float) -> None:
    """As if workers of these ages ran."""
    for place, age in zip(master._workers, ages, strict=True):
        place.process, place.born = SimpleNamespace(is_alive=lambda: True), time.monotonic() - age  # type: ignore[assignment]


@pytest.mark.parametrize(("workers", "processes"), [(1, 1), (4, 1), (5, 2), (16, 4)])
def test_four_workers_share_a_process_for_pages(workers: int, processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master_module.sockets, "bind", lambda host, port, count: [mock.Mock()] * count)
    one = Master(host="127.0.0.1", port=0, workers=workers, threads=1)
    one._to_pages.close()
    assert [place.name for place in one._places] == ["worker"] * workers + ["pages"] * processes + ["loader"]


def test_a_server_whose_workers_never_served_gives_up_and_one_that_served_does_not(master: Master) -> None:
    aged(master, 0.1, 0.1)
    place, hopeless = master._workers[0], []
    for _ in range(master_module.MAX_QUICK_DEATHS):
        master._pause_after(place)
        hopeless.append(master._is_hopeless(place))
    assert hopeless == [False] * (master_module.MAX_QUICK_DEATHS - 1) + [True]

    aged(master, 0.1, 1000)
    assert not master._is_hopeless(place)


def test_a_worker_that_had_settled_is_replaced_at_once_and_one_that_dies_young_ever_later(master: Master) -> None:
    aged(master, 0.1, 0.1)
    place = master._workers[0]
    pauses = [master._pause_after(place) for _ in range(8)]
    assert pauses == [0, 0, 1, 2, 4, 8, 8, 8]
    aged(master, 1000, 0.1)
    assert master._pause_after(place) == 0
    assert place.quick_deaths == 0


def test_a_stop_does_not_wait_for_a_child_that_is_to_replace_another(
    master: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may take minutes to load what is live."""
    ended: list[object] = []
    old = SimpleNamespace(terminate=lambda: ended.append(old))
    new = SimpleNamespace(sentinel=None, is_alive=lambda: True)
    place = master._workers[0]
    place.process = old  # type: ignore[assignment]

    def start(place: master_module.Place) -> None:
        place.process = new  # type: ignore[assignment]

    def wait(awaited: list[object], timeout: float) -> list[object]:
        master._on_stop(signal.SIGTERM, None)
        assert timeout < master_module.READY_SECONDS
        return []

    monkeypatch.setattr(master, "_start", start)
    monkeypatch.setattr(master_module, "wait", wait)
    master._replace_all()
    assert (place.process, place.old, ended) == (new, [old], [])
