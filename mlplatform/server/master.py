"""The master: holds the sockets, keeps the workers, their helper for pages and the loader alive, and ends with them.

The connections of a worker that died wait in its socket, which the master holds, for its successor. A worker that ends
is replaced at once, and one that ends again and again ever later. The server leaves in two steps (`leaving`).
"""

import contextlib
import gc
import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from django.conf import settings
from django.db import connections

from mlplatform import leaving
from mlplatform.server import loader, pages, sockets, worker
from mlplatform.server.handover import Passage

log = logging.getLogger(__name__)

SETTLED_SECONDS = 10.0
MAX_QUICK_DEATHS = 5
LONGEST_PAUSE_SECONDS = 8.0
READY_SECONDS = 600.0
"""A child that has not loaded what is live by then is not waited for."""
LOOK_SECONDS = 1.0
"""So late does a stop interrupt the wait for such a child."""
STOP_SECONDS = worker.DRAIN_SECONDS + 15.0
"""After that a child that was told to stop is killed."""
WORKERS_OF_PAGES = 4
"""So many workers share a process for pages: hosts of many cores have many who look at them."""
CLOSING_SECONDS = 0.1
"""For the workers to let go of their sockets."""
_fork = multiprocessing.get_context("fork")


def serve(*, host: str, port: int, workers: int, threads: int) -> None:
    """Be the master of a server until SIGTERM. Raises SystemExit when the address can't be had."""
    gather()
    try:
        master = Master(host=host, port=port, workers=workers, threads=threads)
    except OSError as error:
        raise SystemExit(f"{host}:{port} can't be had: {error.strerror}.") from None
    master.run()


def gather() -> None:
    """Have what all workers share: modules and settings, no connection, no session, and no thread: forks lose it."""
    for module in ("mlplatform.wsgi", "inference.runtimes.onnx"):
        import_module(module)
    connections.close_all()
    gc.collect()
    gc.freeze()


@dataclass(slots=True)
class Place:
    """A child's place: what it does there, who holds it now, and how often its holders died young."""

    name: str
    work: Callable[..., None]
    listener: socket.socket | None = None
    process: BaseProcess | None = None
    ready: Any = None
    born: float = 0.0
    quick_deaths: int = 0
    start_at: float = 0.0
    old: list[BaseProcess] = field(default_factory=list)

    @property
    def serves(self) -> bool:
        return self.listener is not None

    @property
    def all(self) -> list[BaseProcess]:
        """Who holds it and who held it before and has not ended yet."""
        return [process for process in (self.process, *self.old) if process is not None]

    @property
    def age(self) -> float:
        return time.monotonic() - self.born


class Master:
    """Serves an address with some workers until SIGTERM or SIGINT; SIGHUP replaces them one after another."""

    def __init__(self, *, host: str, port: int, workers: int, threads: int) -> None:
        self._address = f"{host}:{port}"
        self._claim = sockets.claim(host, port)
        self._to_pages = Passage()
        self._workers = [
            Place("worker", partial(worker.work, listener, self._to_pages, threads=threads), listener)
            for listener in sockets.bind(host, port, workers)
        ]
        answer_pages = partial(pages.work, self._to_pages, threads=threads)
        self._places = [
            *self._workers,
            *(Place("pages", answer_pages) for _ in range(-(-workers // WORKERS_OF_PAGES))),
            Place("loader", loader.work),
        ]
        self._is_stopping = self._is_reloading = self._has_settled = False
        self._woken, self._wake = _fork.Pipe(duplex=False)

    def run(self) -> None:
        """Raises SystemExit when the workers end before they ever serve."""
        signal.signal(signal.SIGTERM, leaving.in_two_steps(self._on_stop, seconds=settings.LAME_DUCK_SECONDS))
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        log.info("serving on %s with %s workers", self._address, len(self._workers))
        try:
            while not self._is_stopping:
                self._start_missing()
                self._sleep()
                self._bury()
                if self._is_reloading:
                    self._is_reloading = False
                    self._replace_all()
        finally:
            self._stop_all()

    # -- Signals --------------------------------------------------------------------------------------

    def _on_stop(self, number: int, frame: Any) -> None:
        self._is_stopping = True
        self._wake.send_bytes(b".")

    def _on_reload(self, number: int, frame: Any) -> None:
        self._is_reloading = True
        self._wake.send_bytes(b".")

    def _sleep(self) -> None:
        """Until a worker ends, a signal comes, or one that was put off is to be started."""
        now = time.monotonic()
        due = [place.start_at - now for place in self._places if place.process is None]
        awaited: list[Any] = [self._woken, *(one.process.sentinel for one in self._places if one.process)]
        awaited += [process.sentinel for place in self._places for process in place.old]
        wait(awaited, timeout=max(0.0, min(due)) if due else None)
        while self._woken.poll():
            self._woken.recv_bytes()

    # -- Workers --------------------------------------------------------------------------------------

    def _start_missing(self) -> None:
        for place in self._places:
            if place.process is None and time.monotonic() >= place.start_at and not self._is_stopping:
                self._start(place)

    def _start(self, place: Place) -> None:
        ready, tell = _fork.Pipe(duplex=False)
        place.process = _fork.Process(target=_run, args=(place.work, os.getpid(), tell), name=place.name)
        place.process.start()
        tell.close()
        place.ready, place.born = ready, time.monotonic()

    def _bury(self) -> None:
        """Take note of the workers that ended, and plan their successors."""
        for place in self._places:
            place.old = [process for process in place.old if process.is_alive()]
            if place.process is None or place.process.is_alive():
                continue
            if place.process.exitcode and not self._is_stopping:
                log.error("%s ended with %s; another takes its place", _called(place.process), place.process.exitcode)
            place.process = None
            place.start_at = time.monotonic() + self._pause_after(place)
            if self._is_hopeless(place):
                raise SystemExit("The workers end before they serve; the log says why.")

    def _pause_after(self, place: Place) -> float:
        """No pause after a worker that had settled; a longer one each time after one that died young."""
        self._has_settled = self._has_settled or (place.serves and place.age > SETTLED_SECONDS)
        place.quick_deaths = 0 if place.age > SETTLED_SECONDS else place.quick_deaths + 1
        return 0.0 if place.quick_deaths <= 2 else min(2.0 ** (place.quick_deaths - 3), LONGEST_PAUSE_SECONDS)

    def _is_hopeless(self, place: Place) -> bool:
        """Whether this server never served: a mistake in the settings or the database, which waiting doesn't mend."""
        is_any_settled = any(one.process is not None and one.age > SETTLED_SECONDS for one in self._workers)
        return (
            place in self._workers
            and not self._has_settled
            and not is_any_settled
            and place.quick_deaths >= MAX_QUICK_DEATHS
        )

    def _replace_all(self) -> None:
        """New children for old ones, each ready before its predecessor is told to stop."""
        for place in self._places:
            if place.process is None or self._is_stopping:
                continue
            old = place.process
            self._start(place)
            self._await(place)
            if self._is_stopping:
                place.old.append(old)  # they all end now, in their order
            elif place.process.is_alive():
                place.old.append(old)
                old.terminate()
            else:
                place.process = old  # the new one is no better
                log.error("a new %s ended before it was ready; the old one goes on", place.name)

    def _await(self, place: Place) -> None:
        """Wait until a new child is ready or has ended, or this server is told to stop."""
        assert place.process is not None
        until = time.monotonic() + READY_SECONDS
        while not self._is_stopping and time.monotonic() < until:
            if wait([place.ready, place.process.sentinel], timeout=LOOK_SECONDS):
                return

    def _stop_all(self) -> None:
        leaving.announce()
        listeners = [place.listener for place in self._workers if place.listener is not None]
        leaving.let_nobody_in(listeners)
        # The workers first: what they have just handed over or written down is still taken.
        self._terminate(place for place in self._places if place.serves)
        time.sleep(CLOSING_SECONDS)
        self._terminate(place for place in self._places if not place.serves)
        for listener in listeners:
            # A worker that hangs holds it, too: closed here only, it would go on taking connections.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        until = time.monotonic() + STOP_SECONDS
        for process in (process for place in self._places for process in place.all):
            process.join(max(0.0, until - time.monotonic()))
            if process.is_alive():
                log.error("%s did not end in time and is killed", _called(process))
                process.kill()
                process.join()
        self._to_pages.close()

    @staticmethod
    def _terminate(places: Iterable[Place]) -> None:
        for place in places:
            for process in place.all:
                process.terminate()


def _run(work: Callable[..., None], master: int, tell: Connection) -> None:
    work(master=master, tell_ready=lambda: tell.send_bytes(b"."))


def _called(process: BaseProcess) -> str:
    return f"{process.name} {process.pid}"
