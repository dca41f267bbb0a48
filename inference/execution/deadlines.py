"""Ends calls that take too long.

A model that can be stopped (ONNX Runtime) runs on the request's own thread, and one watchdog thread raises its flag at
the deadline. One whose time is bounded by its input needs no watching. Any other runs on a worker thread, and the
request goes on without it at the deadline; the call itself can't be ended, so whoever asked must see to it that the
process is replaced.
"""

import itertools
import math
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from inference.errors import DeadlineExceeded, ModelExecutionFailed
from inference.execution import crashes
from inference.runtimes.base import LoadedModel, RawOutput

_TICK_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 1.0

Feeds = dict[str, Any]


def call(
    model: LoadedModel, feeds: Feeds, *, name: str, until: float, deadline_seconds: float, version_id: int = 0
) -> RawOutput:
    """Run the model until `until`, a time of `perf_counter`. Raises DeadlineExceeded, ModelExecutionFailed."""
    started = time.perf_counter()
    if started >= until:
        raise DeadlineExceeded(name, deadline_seconds=deadline_seconds)
    try:
        if (make_options := getattr(model, "run_options", None)) is not None:
            return _stopped_by_flag(model, feeds, make_options(), until, version_id)
        if getattr(model, "is_bounded", False):
            return _noted(version_id, model, feeds)
        return _workers.run(lambda: _noted(version_id, model, feeds), until)
    except _TooLate as error:
        ran_seconds = time.perf_counter() - started
        raise DeadlineExceeded(
            name, deadline_seconds=deadline_seconds, ran_seconds=ran_seconds, still_runs=error.still_runs
        ) from error


class _TooLate(Exception):
    """The deadline came first. `still_runs`: whether the call goes on; None when it was stopped."""

    def __init__(self, still_runs: Callable[[], bool] | None = None) -> None:
        super().__init__()
        self.still_runs = still_runs


# -- By a flag ----------------------------------------------------------------------------------------


def _stopped_by_flag(model: Any, feeds: Feeds, options: Any, until: float, version_id: int) -> RawOutput:
    ticket = _watchdog.watch(until, options)
    crashes.enter(version_id)
    try:
        return model.predict(feeds, options)
    except ModelExecutionFailed as error:
        if options.terminate:
            raise _TooLate from error
        raise
    finally:
        crashes.enter(0)
        _watchdog.forget(ticket)


def _noted(version_id: int, model: LoadedModel, feeds: Feeds) -> RawOutput:
    """Run it with a note of what this thread runs, for the case that it takes the process down."""
    crashes.enter(version_id)
    try:
        return model.predict(feeds)
    finally:
        crashes.enter(0)


class Watchdog:
    """Raises the `terminate` flag of calls whose time is up, within a hundredth of a second.

    A call costs two dictionary operations. The thread sleeps until the first deadline it knows of, or a while; only a
    call with an earlier one wakes it. A thread that woke up for nothing would still take the interpreter from others.
    """

    def __init__(self) -> None:
        self._calls: dict[int, tuple[float, Any]] = {}
        self._tickets = itertools.count()
        self._looks_at = math.inf  # a time of `perf_counter`
        self._sooner = threading.Event()
        self._has_thread = False
        self._starting = threading.Lock()

    def watch(self, until: float, options: Any) -> int:
        """Returns the ticket to forget the call by."""
        ticket = next(self._tickets)
        self._calls[ticket] = (until, options)
        if until < self._looks_at:
            self._wake()
        return ticket

    def forget(self, ticket: int) -> None:
        """The call has ended."""
        del self._calls[ticket]

    def _wake(self) -> None:
        self._sooner.set()
        with self._starting:
            if not self._has_thread:
                self._has_thread = True
                threading.Thread(target=self._run, name="deadlines", daemon=True).start()

    def _run(self) -> None:
        pause = _TICK_SECONDS
        while True:
            self._sooner.clear()
            self._looks_at = math.inf  # whoever comes while the others are looked at makes it look again
            now = time.perf_counter()
            self._looks_at = min(self._first_after(now), now + pause)
            was_woken = self._sooner.wait(max(_TICK_SECONDS, self._looks_at - now))
            pause = _TICK_SECONDS if was_woken else min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _first_after(self, now: float) -> float:
        """The first deadline that is yet to come; the calls of the others are told to end."""
        first = math.inf
        for until, options in list(self._calls.values()):
            if until <= now:
                options.terminate = True
            else:
                first = min(first, until)
        return first


# -- On a worker thread -------------------------------------------------------------------------------


class Worker:
    """A thread that does one thing at a time and is left behind when it takes too long."""

    def __init__(self, home: "list[Worker]") -> None:
        self._home = home
        self._go, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._work: Callable[[], Any] | None = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._handing_over = threading.Lock()
        self._is_finished = self._is_left_behind = False
        # A daemon: a call that never ends must not keep the process from ending.
        self._runner = threading.Thread(target=self._run, name="native-model", daemon=True)
        self._runner.start()

    def run(self, work: Callable[[], Any], until: float) -> Any:
        self._work, self._is_finished = work, False
        self._go.release()
        if not self._done.acquire(timeout=max(0.0, until - time.perf_counter())):
            with self._handing_over:
                self._is_left_behind = not self._is_finished
            if self._is_left_behind:
                raise _TooLate(self._runner.is_alive)
            self._done.acquire()  # it finished in this very moment
        result, error = self._result, self._error
        self._work = self._result = self._error = None
        self._home.append(self)
        if error is not None:
            raise error
        return result

    def _run(self) -> None:
        while True:
            self._go.acquire()
            assert self._work is not None
            try:
                self._result = self._work()
            except BaseException as error:
                self._error = error
            with self._handing_over:
                self._is_finished = True
            self._done.release()
            if self._is_left_behind:
                return


class Workers:
    """Worker threads of this process, made as they are needed."""

    def __init__(self) -> None:
        self._idle: list[Worker] = []

    def run(self, work: Callable[[], Any], until: float) -> Any:
        """What `work` returns, or raises. Raises _TooLate at `until`; the work then goes on by itself."""
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = Worker(self._idle)
        return worker.run(work, until)


def _begin() -> None:
    """A child has none of its parent's threads."""
    global _watchdog, _workers
    _watchdog, _workers = Watchdog(), Workers()


_watchdog: Watchdog
_workers: Workers
_begin()
os.register_at_fork(after_in_child=_begin)
