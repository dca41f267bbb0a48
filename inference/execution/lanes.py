"""A bulkhead: each model has a lane of its own, so one that is slow or much asked for can't take every thread.

A lane lets `at_once` calls run and `may_wait` wait; the next is refused at once, and so is one that would wait past its
deadline: work that nobody waits for any more is never begun.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from inference.errors import DeadlineExceeded, ModelOverloaded
from registry.serving import Serving


class Lane:
    """Who runs and who waits for one model in this process. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self.running = self.waiting = 0
        self.refused = self.late = 0

    @contextmanager
    def place(self, *, name: str, serving: Serving, at_once: int, until: float, call_ms: float) -> Iterator[None]:
        """Hold one of the lane's places. `until` is a time of `perf_counter`.

        Raises ModelOverloaded at once when there is no room, DeadlineExceeded when no place came free in time.
        """
        self._enter(name, serving, at_once, until, call_ms)
        try:
            yield
        finally:
            with self._changed:
                self.running -= 1
                self._changed.notify()

    def as_facts(self) -> dict[str, Any]:
        """Counts since the model was loaded, and what is going on now."""
        return {"running": self.running, "waiting": self.waiting, "refused": self.refused, "late": self.late}

    def _enter(self, name: str, serving: Serving, at_once: int, until: float, call_ms: float) -> None:
        with self._changed:
            if self.running >= at_once:
                wait_seconds = (self.waiting + 1) / at_once * call_ms / 1000
                if self.waiting >= serving.max_queued or time.perf_counter() + wait_seconds > until:
                    self.refused += 1
                    raise ModelOverloaded(name, retry_after_seconds=max(1, round(wait_seconds)))
                self._wait(name, serving, at_once, until)
            self.running += 1

    def _wait(self, name: str, serving: Serving, at_once: int, until: float) -> None:
        self.waiting += 1
        try:
            while self.running >= at_once:
                left = until - time.perf_counter()
                if left <= 0:
                    self.late += 1
                    raise DeadlineExceeded(name, deadline_seconds=serving.deadline_seconds)
                self._changed.wait(left)
        finally:
            self.waiting -= 1


class SlowThreads:
    """The threads that slow models hold in this process: all but one, so that one is always free for the others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.taken = self.refused = 0

    @contextmanager
    def one(self, name: str) -> Iterator[None]:
        """Hold a thread for a slow model. Raises ModelOverloaded when it would be the last one."""
        with self._lock:
            if self.taken >= slow_threads_allowed():
                self.refused += 1
                raise ModelOverloaded(name)
            self.taken += 1
        try:
            yield
        finally:
            with self._lock:
                self.taken -= 1


def slow_threads_allowed() -> int:
    """All the server's threads but one; a process with a single thread has none to spare."""
    return max(1, settings.THREADS - 1)


slow_threads = SlowThreads()
