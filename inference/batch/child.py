"""The process of one batch job: claims it, keeps the claim alive, scores what is not scored yet, ends.

It stops when it is cancelled, told to (SIGTERM), or when the process that started it is gone. A stop that is no
cancellation gives the claim back, and the next process goes on behind the last finished part.
"""

import logging
import os
import resource
import time
from collections import deque
from typing import Any

from django.conf import settings

from inference.batch import crews, services
from inference.batch.errors import BatchError
from inference.batch.models import BatchJob, JobStatus
from inference.bulk import planning, running
from inference.bulk.cluster import ClusterUnavailable
from inference.bulk.files import FileUnreadable
from inference.bulk.folder import Finished, Folder
from inference.errors import ModelExecutionFailed, ModelTooLarge, RuntimeUnavailable
from inference.execution import crashes
from inference.signature import Signature
from registry import resolver
from registry.errors import RegistryError
from registry.leases import LeaseLost
from registry.own_process import LOST, Watch
from registry.services import check_can_serve
from registry.services.rights import is_servable

log = logging.getLogger(__name__)

_NICER = 10
_REPORT_EVERY_SECONDS = 0.5
_RATE_SECONDS = 30.0
_AGAIN_SECONDS = 5.0
# What nobody needs who only looks whether a version may be served.
_LONG = tuple(
    f"version__{name}" for name in ("golden", "report", "sample", "expected", "signature", "parity", "library_versions")
)


def in_own_process() -> bool:
    """`run_next` in a process that is for this alone, which stands back and notes what it crashes in."""
    _be_modest()
    crashes.begin()
    try:
        return run_next()
    finally:
        crashes.end()


def run_next() -> bool:
    """Run the job that waits longest to its end; False when none waits. Main thread only."""
    job = services.claim()
    if job is None:
        return False
    log.info("%s begins (attempt %s)", job, job.attempts)
    watch = Watch(job, should_stop=lambda: _reason_to_stop(job), stall_seconds=settings.BATCH_STALL_SECONDS)
    try:
        with watch.running():
            _work(job, watch)
    except KeyboardInterrupt:
        if watch.stopped_by is None:
            log.info("%s was interrupted; it goes back into the queue", job)
            job.release(counts=False)
            raise
        _stopped(job, watch)
    except LeaseLost:
        log.warning("another process took %s over; what was done here is dropped", job)
    except (
        RegistryError,
        BatchError,
        FileUnreadable,
        ModelTooLarge,
        RuntimeUnavailable,
        ModelExecutionFailed,
    ) as error:
        _fail(job, error)
    except MemoryError:
        message = f"It needed more than {settings.BATCH_MEMORY_BYTES:,} bytes of memory."
        services.end(job, status=JobStatus.FAILED, failure={"code": "out_of_memory", "message": message})
    except ClusterUnavailable as error:
        log.warning("%s waits: %s", job, error)
        services.put_off(job, seconds=_AGAIN_SECONDS, code="cluster_unavailable", message=str(error))
    except Exception as error:
        # Not the file's fault (a full disk, a cluster that went away, a bug of ours); the claim counted the attempt.
        log.exception("%s stumbled", job)
        told = f"{type(error).__name__}: {error}"
        services.put_off(job, seconds=_AGAIN_SECONDS, code="stumbled", message=told)
    return True


def _work(job: BatchJob, watch: Watch) -> None:
    if not job.by.is_active:
        raise BatchError("The account that asked for it is closed.", code="owner_inactive")
    check_can_serve(job.version)
    if not job.input_path.exists():
        message = "The file is not on this host. With several hosts BATCH_DIR must name a directory that all share."
        raise BatchError(message, code="input_missing")
    served = resolver.served(job.version)
    signature = Signature.from_dict(served.signature)
    folder = Folder(job.parts_path, kind=job.results_format, signature=signature)  # type: ignore[arg-type]
    facts = {"sha256": served.sha256, "bytes": job.input_bytes}
    plan = folder.plan(facts, lambda: planning.plan(job.input_path, job.input_format, signature))  # type: ignore[arg-type]
    services.note_plan(job, rows=plan.rows, ignored=list(plan.ignored))
    done = folder.finished()
    progress = _Progress(job, list(done.values()))
    wanted = [part for part in plan.parts if part.number not in done]
    if wanted:
        results: Any = job.results_format
        crew = crews.crew(served, plan, results, name=f"{job.pk}-{job.lease_token}")
        for part in running.run(job.input_path, plan, wanted, crew, folder):
            watch.is_alive()
            progress.note(part)
    progress.tell()
    size = folder.assemble(job.results_path)
    services.end(
        job,
        status=JobStatus.DONE,
        result_bytes=size,
        rows_done=progress.rows,
        rows_failed=progress.failed,
    )
    log.info("%s is done: %d rows, %d of them without answer", job, progress.rows, progress.failed)


class _Progress:
    """Sums over parts, told at most twice a second; the rate is that of the last half minute."""

    def __init__(self, job: BatchJob, done: list[Finished]) -> None:
        self._job = job
        self.rows, self.failed = sum(part.rows for part in done), sum(part.failed for part in done)
        self._seen = deque([(time.monotonic(), self.rows)])
        self._told_at = 0.0

    def note(self, part: Finished) -> None:
        self.rows += part.rows
        self.failed += part.failed
        now = time.monotonic()
        self._seen.append((now, self.rows))
        while len(self._seen) > 2 and now - self._seen[0][0] > _RATE_SECONDS:
            self._seen.popleft()
        if now - self._told_at >= _REPORT_EVERY_SECONDS:
            self._told_at = now
            self.tell()

    def tell(self) -> None:
        (begun, before), (now, rows) = self._seen[0], self._seen[-1]
        rate = (rows - before) / (now - begun) if now > begun else 0.0
        services.report(self._job, rows_done=self.rows, rows_failed=self.failed, rows_per_second=rate)


def _reason_to_stop(job: BatchJob) -> str | None:
    row = BatchJob.objects.filter(pk=job.pk).select_related("version").defer(*_LONG).first()
    if row is None:
        return LOST
    if row.cancel_asked_at is not None:
        return "cancelled"
    return None if is_servable(row.version) else "unservable"


def _stopped(job: BatchJob, watch: Watch) -> None:
    """Stopped by the watch: cancelled, taken away, or the version may not be used any more."""
    if watch.stopped_by == LOST:
        log.warning("another process took %s over; what was done here is dropped", job)
    elif watch.stopped_by == "cancelled":
        services.end(job, status=JobStatus.CANCELLED)
    else:
        try:
            check_can_serve(type(job.version).objects.get(pk=job.version_id))
        except RegistryError as error:
            _fail(job, error)
            return
        job.release(counts=False)


def _fail(job: BatchJob, error: Any) -> None:
    code = getattr(error, "code", "") or "model_failed"
    message = (getattr(error, "message", "") or str(error))[:2000]
    place = {name: value for name in ("line", "column") if (value := getattr(error, name, None)) is not None}
    log.info("%s failed: %s: %s", job, code, message)
    services.end(job, status=JobStatus.FAILED, failure={"code": code, "message": message, **place})


def _be_modest() -> None:
    """Serving comes first; and whatever a file or a model asks for, it does not get all of the machine's memory."""
    os.nice(_NICER)
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = settings.BATCH_MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if most < 0 else min(wanted, most), most))
