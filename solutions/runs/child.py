"""The process of one training: claims it, keeps the claim alive, trains, uploads, ends.

It stops when it is cancelled, told to (SIGTERM), or when the process that started it is gone. A stop that is no
cancellation gives the claim back, and the next process goes on behind the last finished step.
"""

import logging
import time
from collections.abc import Callable

from registry.errors import RegistryError
from registry.leases import LeaseLost
from registry.models import ModelVersion, Status
from registry.own_process import LOST, Watch
from solutions import catalogue, publishing
from solutions.errors import SolutionError, TrainingCancelled
from solutions.runs import services
from solutions.runs.models import RunStatus, TrainingRun
from solutions.work import PlainWork

log = logging.getLogger(__name__)

_REPORT_EVERY_SECONDS = 0.5
_VALIDATION_SECONDS = 1800.0

_Tell = Callable[[int, int, str], None]


class Failed(Exception):
    """It ended without what was asked for; the text says why."""


def run_next() -> bool:
    """Run the training that waits longest to its end; False when none waits. Main thread only."""
    run = services.claim()
    if run is None:
        return False
    log.info("%s begins (attempt %s)", run, run.attempts)
    watch = Watch(run, should_stop=lambda: _reason_to_stop(run))
    try:
        with watch.running():
            _train(run, _Teller(run, watch).tell)
        services.end(run, status=RunStatus.DONE)
    except (TrainingCancelled, KeyboardInterrupt):
        if watch.stopped_by == LOST:
            log.warning("another process took %s over; what was done here is dropped", run)
        elif watch.stopped_by is not None:
            services.end(run, status=RunStatus.CANCELLED)
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


def _train(run: TrainingRun, tell: _Tell) -> None:
    work = PlainWork(seed=run.seed, show=tell, folder=services.folder_of(run))
    trained = catalogue.room(run.solution, "training").train(work)
    versions = []
    for one in trained:
        tell(1, 1, f"uploading {one.name}")
        if one.name in run.versions:
            versions.append(ModelVersion.objects.select_related("model").get(pk=run.versions[one.name]))
            continue
        version = publishing.upload(by=run.by, solution=run.solution, trained=one, seed=run.seed)
        services.note_version(run, name=one.name, pk=version.pk)
        versions.append(version)
    _settle(run, versions, tell)


def _settle(run: TrainingRun, versions: list[ModelVersion], tell: _Tell) -> None:
    """Wait for the verdicts, and make live what is ready where that was asked for. Raises Failed."""

    def report(name: str, line: str) -> None:
        tell(1, 1, f"{name}: {line}")

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


def _reason_to_stop(run: TrainingRun) -> str | None:
    is_cancelled = TrainingRun.objects.filter(pk=run.pk, cancel_asked_at__isnull=False).exists()
    return "cancelled" if is_cancelled else None


class _Teller:
    """Writes how far a training is, twice a second at the most, and lets it end where it should stop."""

    def __init__(self, run: TrainingRun, watch: Watch) -> None:
        self._run, self._watch, self._told_at = run, watch, 0.0

    def tell(self, done: int, of: int, what: str) -> None:
        """Raises TrainingCancelled, LeaseLost."""
        if self._watch.stopped_by == LOST:
            raise LeaseLost
        if self._watch.stopped_by is not None:
            raise TrainingCancelled
        now = time.monotonic()
        if now - self._told_at >= _REPORT_EVERY_SECONDS or done >= of:
            self._told_at = now
            services.report(self._run, progress={"done": done, "of": of, "what": what[:200]})
