"""Closes the sockets of those who wait for the database longer than they want to."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

_TICK_SECONDS = 0.05
_PARK_AFTER_TICKS = 100
HURRY_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class Watch:
    """One wait: the socket's descriptor, and when it ends (of `time.monotonic`)."""

    descriptor: int
    until: float
    was_cut: bool = False


class Watchdog:
    """One thread for all waits of a process; it sleeps while there are none."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin anew, without a thread: a child has none of its parent's."""
        self._lock = threading.Lock()
        self._watches: set[Watch] = set()
        self._awake = threading.Event()
        self._has_thread = False

    @contextmanager
    def over(self, descriptor: int, seconds: float) -> Iterator[Watch]:
        """Within, the socket is shut down when `seconds` have passed: who reads from it finds its end."""
        watch = Watch(descriptor, time.monotonic() + seconds)
        with self._lock:
            self._watches.add(watch)
            if not self._has_thread:
                self._has_thread = True
                threading.Thread(target=self._run, name="database-watchdog", daemon=True).start()
        self._awake.set()
        try:
            yield watch
        finally:
            with self._lock:
                self._watches.discard(watch)

    def hurry(self) -> None:
        """The database was found silent: nobody goes on waiting for long."""
        latest = time.monotonic() + HURRY_SECONDS
        with self._lock:
            for watch in self._watches:
                watch.until = min(watch.until, latest)

    def _run(self) -> None:
        idle = 0
        while True:
            if idle > _PARK_AFTER_TICKS:
                self._awake.clear()
                if not self._watches:
                    self._awake.wait()
                idle = 0
            time.sleep(_TICK_SECONDS)
            with self._lock:
                idle = 0 if self._watches else idle + 1
                now = time.monotonic()
                # Under the lock: whoever has its answer meanwhile waits, so the descriptor is still the same socket.
                for watch in self._watches:
                    if watch.until <= now and not watch.was_cut:
                        watch.was_cut = True
                        _shut_down(watch.descriptor)


def _shut_down(descriptor: int) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as link:
        link.shutdown(socket.SHUT_RDWR)


watchdog = Watchdog()
os.register_at_fork(after_in_child=watchdog.begin)
