"""Work that takes long, in a process of its own: started by the job runner, watched from inside.

It stops when it should (`ends`), when somebody else took its row over, or when the process that started it is gone.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from accounts import database
from registry.leases import Leased

log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 1.0
_STALLED_EXIT = 70
LOST = "lost"


class Children:
    """The processes of this job runner that run one command of ours. Each claims its row itself, so any number of
    runners may have some; each ends by itself when its runner does, and gives its claim back."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._running: list[subprocess.Popen[bytes]] = []

    def tend(self, *, most: int, is_one_due: Callable[[], bool]) -> bool:
        """Start one where fewer than `most` run and a row waits; True when one was started or has ended."""
        for child in self._running:
            if child.poll() is not None:
                log.info("%s ended (%s)", self._command, child.returncode)
                self._running.remove(child)
                return True
        if len(self._running) >= most or not is_one_due():
            return False
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), self._command]
        self._running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))  # noqa: S603 # our own command
        return True


class Watch:
    """Beside the work on a claimed row: keeps the claim alive, and interrupts the work when it should stop.

    `should_stop` is asked every second and gives the reason, or None; LOST is ours. With `stall_seconds` the process
    ends when `is_alive` was not called for that long. `stopped_by` is the reason why the work was interrupted; None
    when somebody else did that.
    """

    def __init__(
        self, row: Leased, *, should_stop: Callable[[], str | None], stall_seconds: float | None = None
    ) -> None:
        self._row, self._should_stop, self._stall_seconds = row, should_stop, stall_seconds
        self._parent = os.getppid()
        self._done = threading.Event()
        self._alive_at = time.monotonic()
        self._renew_at = 0.0
        self.stopped_by: str | None = None

    def is_alive(self) -> None:
        """The work has come further."""
        self._alive_at = time.monotonic()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch while the body runs. Main thread only."""
        # What a script starts in the background ignores SIGINT, and so do its children.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        thread = threading.Thread(target=self._watch, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()
            signal.signal(signal.SIGINT, before)

    def look(self) -> None:
        """Once: find out whether to stop, and renew the claim when it is time."""
        self.stopped_by = self._should_stop()
        if self.stopped_by is None and time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + settings.JOB_LEASE_SECONDS / 3
            if not self._row.renew(seconds=settings.JOB_LEASE_SECONDS):
                self.stopped_by = LOST

    def _watch(self) -> None:
        while not self._done.wait(_LOOK_EVERY_SECONDS):
            try:
                self.look()
            except database.Failure as error:
                log.warning("the claim on %s could not be renewed: %s", self._row, error)
                connection.close()
            self._end_if_stalled()
            if self.stopped_by is not None or os.getppid() != self._parent:
                self._interrupt()
                break
        connection.close()

    def _end_if_stalled(self) -> None:
        if self._stall_seconds is not None and time.monotonic() - self._alive_at > self._stall_seconds:
            log.error("%s came no further for %.0f s; its process ends", self._row, self._stall_seconds)
            os._exit(_STALLED_EXIT)  # a native call can't be interrupted; the claim runs out and counts

    def _interrupt(self) -> None:
        """Once, in the main thread, wherever it is."""
        if not self._done.is_set():
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
