"""The life of a process that answers requests: a serving process loads what is live before the first one, then listens
for changes; one for pages loads what a page asks for.

Three threads: one watches the generation and answers stagings, one says that the process lives, one ships the spool.
"""

import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts import database, key_uses
from inference import activation, clearing, prediction_cache, process_facts
from inference.execution import crashes
from inference.preloading import Preload
from monitoring import limit_hits, processes, spool
from monitoring.error_groups import writing as error_groups
from registry import generation, resolver

log = logging.getLogger(__name__)
LOOK_EVERY_SECONDS = 0.02
"""How soon a change on this host is noticed."""
LEAVE_SECONDS = 10.0
# These threads ask for single rows: they are the first to find out that the database hangs.
_PATIENCE_SECONDS = 2.0
# How long a thread in pure Python (a page, a large body) may keep the interpreter from a prediction.
SWITCH_SECONDS = 0.0002
# A prediction leaves no cycles behind: looked for after every 700 objects, they cost 3 % of its time.
_COLLECT_AFTER = (10_000, 20, 10)

_process: "Process | None" = None


def start(*, is_glancing: bool = False, is_serving: bool = True) -> None:
    """Make this process a serving process; returns when every live model was loaded, or can't be. Idempotent.

    Without a database it returns, too: the process answers that it isn't ready, and begins when there is one.
    `is_glancing`: the caller sees to it that `glance` is called every LOOK_EVERY_SECONDS. `is_serving`: False for one
    that clients don't ask for predictions, only pages: it loads nothing before it must, and nobody waits for it.
    """
    global _process
    if _process is None or _process.pid != os.getpid():
        _process = (ServingProcess if is_serving else Process)(is_glancing=is_glancing)
        _process.start()


def glance() -> None:
    """Have what is live looked at if it changed on this host; costs less than a microsecond.

    A thread that answers may do so in passing. One that wakes up for it takes the interpreter from those that answer.
    """
    if _process is not None:
        _process.glance()


def stop() -> None:
    """Say goodbye, ship what is spooled, end the threads. Idempotent."""
    global _process
    if _process is not None and _process.pid == os.getpid():
        _process.stop()
    _process = None


def is_ready() -> bool:
    """Whether everything that is to be preloaded has been loaded here."""
    return _process is not None and _process.is_ready


def failed() -> dict[str, str]:
    """The live models that can't be loaded here, and why."""
    return {} if _process is None else dict(_process.failed)


def recycle(reason: str) -> None:
    """Have this process replaced: it isn't ready any more, answers what it is answering, and ends.

    Does nothing where no server would start another one (a command, a test).
    """
    if _process is not None and _process.pid == os.getpid():
        _process.leave(reason)


class Process:
    """A process that answers requests: it follows what is live, and writes down what it counted."""

    def __init__(self, *, is_glancing: bool = False) -> None:
        self.pid = os.getpid()
        self.is_ready = False
        self._seen = (-1, -1)
        self._stopping = threading.Event()
        self._scraped = process_facts.ScrapedCounts()
        self._is_leaving = False
        self._word = threading.Event()
        look_seconds = settings.GENERATION_POLL_SECONDS if is_glancing else LOOK_EVERY_SECONDS
        # Two threads: a version that takes long to load must not make the process look dead.
        self._watcher = threading.Thread(
            target=self._every, args=(look_seconds, self._notice, self._word), name="watcher", daemon=True
        )
        self._pulse = threading.Thread(
            target=self._every, args=(settings.HEARTBEAT_SECONDS, self._beat, self._stopping), name="pulse", daemon=True
        )
        self._next_poll = 0.0
        self._shipper = spool.Shipper()

    def start(self) -> None:
        crashes.begin()
        try:
            with database.patience(_PATIENCE_SECONDS):
                self._begin()
        except database.Failure as error:
            log.error("the process begins without the database, and waits for it: %s", error)
            connection.close()
        self._shipper.start()
        self._watcher.start()
        self._pulse.start()
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)

    def stop(self) -> None:
        self._is_leaving, self.is_ready = True, False
        self._stopping.set()
        self._word.set()
        for thread in (self._watcher, self._pulse):
            if thread.is_alive():  # not when the start failed
                thread.join(timeout=5)
        self._shipper.stop()
        crashes.end()
        try:
            with database.patience(_PATIENCE_SECONDS):
                try:
                    self._beat()  # its last counts, so that none is missing in the totals
                finally:
                    self._leave_others()
        except database.Failure as error:
            log.warning("the process ends, and can't tell the database so: %s", error)
        connection.close()

    def leave(self, reason: str) -> None:
        """Ask the server to replace this process: it finishes its requests first."""
        if self._is_leaving:
            return
        self._is_leaving, self.is_ready = True, False
        log.error("this process is being replaced: %s", reason)
        threading.Thread(target=self._end_at_last, name="leaving", daemon=True).start()
        os.kill(self.pid, signal.SIGTERM)  # what both servers take for: finish and end

    @staticmethod
    def _end_at_last() -> None:
        """A call that hangs in a library can't be ended in another way; the spool is taken over."""
        time.sleep(LEAVE_SECONDS)
        log.error("what was in flight did not finish; the process ends")
        os._exit(1)

    @property
    def failed(self) -> dict[str, str]:
        """The live models that can't be loaded here, and why."""
        return {}

    def glance(self) -> None:
        if generation.on_this_host() != self._seen[0]:
            self._word.set()

    def _every(self, seconds: float, act: Callable[[], None], word: threading.Event) -> None:
        """Call `act`, at the word at once, until the process stops; a database that is away is waited for."""
        while True:
            was_told = word.wait(seconds)
            if self._stopping.is_set():
                break
            if was_told:
                word.clear()
            try:
                with database.patience(_PATIENCE_SECONDS):
                    act()
            except database.Failure as error:
                log.warning("the database doesn't answer: %s", error)
                connection.close()
                self._stopping.wait(1.0)
            except Exception:
                log.exception("a thread of the serving process stumbled")
                self._stopping.wait(1.0)
        connection.close()

    def _begin(self) -> None:
        self._look()
        self.is_ready = True

    def _notice(self) -> None:
        """Look when this host's counter moved, and every GENERATION_POLL_SECONDS in any case."""
        if generation.on_this_host() == self._seen[0] and time.monotonic() < self._next_poll:
            return
        self._next_poll = time.monotonic() + settings.GENERATION_POLL_SECONDS
        self._follow()

    def _follow(self) -> None:
        self._look()
        self.is_ready = not self._is_leaving

    def _look(self) -> None:
        """Take notice of a change of generation, on this host or (through the database) on another."""
        seen = (generation.on_this_host(), generation.in_database())
        prediction_cache.enter_epoch(clearing.present_epoch())
        if seen == self._seen:
            return
        if seen[1] != self._seen[1]:
            resolver.forget()
            self._take_up()
        self._seen = seen

    def _take_up(self) -> None:
        """Something else is live now."""

    def _beat(self) -> None:
        key_uses.write()
        limit_hits.write()
        self._scraped.tell()
        self._tell_others()
        error_groups.write()

    def _tell_others(self) -> None:
        """Say that the process lives, where somebody waits for it."""

    def _leave_others(self) -> None:
        """Say that it doesn't any more."""


class ServingProcess(Process):
    """One that clients ask for predictions: it holds what is live, and tells others about itself."""

    def __init__(self, *, is_glancing: bool = False) -> None:
        super().__init__(is_glancing=is_glancing)
        self._id: UUID | None = None
        self._preload = Preload()

    @property
    def failed(self) -> dict[str, str]:
        return self._preload.failed

    def _begin(self) -> None:
        """Register, load what is live, and say so."""
        self._id = self._register()
        self._look()
        self.is_ready = self._preload.is_complete
        self._beat()

    def _follow(self) -> None:
        if self._id is None:
            self._id = self._register()
        self._look()
        activation.answer_stagings(self._id)
        self._preload.retry()
        # Once ready, always ready: a model that is damaged later must not take the others out of service.
        self.is_ready = not self._is_leaving and (self.is_ready or self._preload.is_complete)

    def _take_up(self) -> None:
        self._preload.load()

    def _tell_others(self) -> None:
        if self._id is None:
            return  # the watcher registers the process
        if not processes.beat(self._id, self.is_ready, process_facts.collect(self._preload.failed)):
            self._id = self._register()

    def _leave_others(self) -> None:
        if self._id is not None:
            processes.remove(self._id)

    @staticmethod
    def _register() -> UUID:
        return processes.register(socket.gethostname(), os.getpid()).pk
