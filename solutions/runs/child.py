"""The process of one training: claims it, keeps the claim alive, trains, uploads, ends.

It stops when it is cancelled, told to (SIGTERM), or when the process that started it is gone. A stop that is no
cancellation gives the claim back, and the next process goes on behind the last finished step.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from accounts import database
from registry.errors import RegistryError
from registry.leases import LeaseLost
from registry.models import ModelVersion, Status
from solutions import catalogue, publishing
from solutions.errors import SolutionError, TrainingCancelled
from solutions.runs import services
from solutions.runs.models import RunStatus, TrainingRun
from solutions.work import PlainWork

log = logging.getLogger(__name__)

_REPORT_EVERY_SECONDS = 0.5
_LOOK_EVERY_SECONDS = 1.0
_VALIDATION_SECONDS = 1800.0


class Failed(Exception):
    """It ended without what was asked for; the text says why."""


def run_next() -> bool:
    """Run the training that waits longest to its end; False when none waits. Main thread only."""
    run = services.claim()
    if run is None:
        return False
    log.info("%s begins (attempt %s)", run, run.attempts)
    watch = _Watch(run)
    try:
        with watch.running():
            _train(run, watch)
        services.end(run, status=RunStatus.DONE)
    except (TrainingCancelled, KeyboardInterrupt):
        if watch.is_cancelled:
            services.end(run, status=RunStatus.CANCELLED)
        elif watch.is_lost:
            log.warning("another process took %s over; what was done here is dropped", run)
        else:
            log.info("%s was interrupted; it goes back into the queue", run)
            run.release(counts=False)
            raise KeyboardInterrupt from None
    except (SolutionError, RegistryError, Failed) as error:
        services.end(run, status=RunStatus.FAILED, failure=str(error))
    except LeaseLost:
        log.warning("another process took %s over; what was done here is dropped", run)
    except Exception as error:
        log.exception("%s failed", run)
        services.end(run, status=RunStatus.FAILED, failure=f"{type(error).__name__}: {error}")
    return True


def _train(run: TrainingRun, watch: "_Watch") -> None:
    work = PlainWork(seed=run.seed, show=watch.tell, folder=services.folder_of(run))
    trained = catalogue.room(run.solution, "training").train(work)
    versions = []
    for one in trained:
        watch.tell(1, 1, f"uploading {one.name}")
        if one.name in run.versions:
            versions.append(ModelVersion.objects.select_related("model").get(pk=run.versions[one.name]))
            continue
        version = publishing.upload(by=run.by, solution=run.solution, trained=one, seed=run.seed)
        services.note_version(run, name=one.name, pk=version.pk)
        versions.append(version)
    _settle(run, versions, watch)


def _settle(run: TrainingRun, versions: list[ModelVersion], watch: "_Watch") -> None:
    """Wait for the verdicts, and make live what is ready where that was asked for. Raises Failed."""

    def report(name: str, line: str) -> None:
        watch.tell(1, 1, f"{name}: {line}")

    if run.activate:
        # What is live already went live before this training was interrupted.
        waiting = [version for version in versions if not version.deployments.exists()]
        note = f"Trained with the seed {run.seed}."
        problems = publishing.finish(
            by=run.by, versions=waiting, report=report, timeout_seconds=_VALIDATION_SECONDS, note=note
        )
    else:
        ended: list[ModelVersion] = []
        left = publishing.wait(
            versions=versions, report=report, timeout_seconds=_VALIDATION_SECONDS, settled=ended.append
        )
        problems = [f"{version} was not validated in time." for version in left]
        problems += [
            f"{version}: {(version.failure or {}).get('message')}"
            for version in ended
            if version.status == Status.FAILED
        ]
    if problems:
        raise Failed(" ".join(problems))


class _Watch:
    """Keeps the claim alive beside the training, and interrupts it when it should stop."""

    def __init__(self, run: TrainingRun) -> None:
        self._run, self._parent = run, os.getppid()
        self._done = threading.Event()
        self._told_at = 0.0
        self.is_cancelled = self.is_lost = False

    def tell(self, done: int, of: int, what: str) -> None:
        """Raises TrainingCancelled, LeaseLost."""
        if self.is_cancelled:
            raise TrainingCancelled
        if self.is_lost:
            raise LeaseLost
        now = time.monotonic()
        if now - self._told_at >= _REPORT_EVERY_SECONDS or done >= of:
            self._told_at = now
            services.report(self._run, progress={"done": done, "of": of, "what": what[:200]})

    @contextmanager
    def running(self) -> Iterator[None]:
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
        renew_at = 0.0
        while not self._done.wait(_LOOK_EVERY_SECONDS):
            try:
                row = TrainingRun.objects.filter(pk=self._run.pk).values_list("cancel_asked_at").first()
                self.is_cancelled = row is not None and row[0] is not None
                if time.monotonic() >= renew_at:
                    renew_at = time.monotonic() + settings.JOB_LEASE_SECONDS / 3
                    self.is_lost = not self._run.renew(seconds=settings.JOB_LEASE_SECONDS)
            except database.Failure as error:
                log.warning("the claim on %s could not be renewed: %s", self._run, error)
                connection.close()
            if self.is_cancelled or self.is_lost or os.getppid() != self._parent:
                self._interrupt()
                break
        connection.close()

    def _interrupt(self) -> None:
        """Once, in the main thread, wherever it is."""
        if not self._done.is_set():
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
