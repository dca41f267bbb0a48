"""Beside a job's work: keeps its claim alive, and interrupts it when it should stop."""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from django.conf import settings
from django.db import connection

from accounts import database
from inference.batch.models import BatchJob
from registry.services.rights import is_servable

log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 1.0
_STALLED_EXIT = 70


class Watch:
    """`stopped_by` says why the work was interrupted; None when somebody else did that."""

    def __init__(self, job: BatchJob) -> None:
        self._job, self._parent = job, os.getppid()
        self._done = threading.Event()
        self._alive_at = time.monotonic()
        self._renew_at = 0.0
        self.stopped_by: Literal["cancelled", "lost", "unservable"] | None = None

    def is_alive(self) -> None:
        """A part was finished."""
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

    def _watch(self) -> None:
        while not self._done.wait(_LOOK_EVERY_SECONDS):
            try:
                self._look()
            except database.Failure as error:
                log.warning("the claim on %s could not be renewed: %s", self._job, error)
                connection.close()
            if time.monotonic() - self._alive_at > settings.BATCH_STALL_SECONDS:
                log.error("%s finished no part for %.0f s; its process ends", self._job, settings.BATCH_STALL_SECONDS)
                os._exit(_STALLED_EXIT)  # a native call can't be interrupted; the claim runs out and counts
            if self.stopped_by is not None or os.getppid() != self._parent:
                self._interrupt()
                break
        connection.close()

    def _look(self) -> None:
        row = BatchJob.objects.filter(pk=self._job.pk).select_related("version").defer(*_LONG).first()
        if row is None or row.cancel_asked_at is not None:
            self.stopped_by = "cancelled"
        elif not is_servable(row.version):
            self.stopped_by = "unservable"
        elif time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + settings.JOB_LEASE_SECONDS / 3
            if not self._job.renew(seconds=settings.JOB_LEASE_SECONDS):
                self.stopped_by = "lost"

    def _interrupt(self) -> None:
        """Once, in the main thread, wherever it is."""
        if not self._done.is_set():
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


_LONG = tuple(
    f"version__{name}" for name in ("golden", "report", "sample", "expected", "signature", "parity", "library_versions")
)
