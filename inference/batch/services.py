"""Everything that changes a batch job: people ask for one, cancel and delete it; its process reports."""

import os
import shutil
import time
import uuid
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts import audit, metrics
from accounts.errors import Forbidden
from accounts.models import User
from inference.batch import selectors
from inference.batch.errors import InputRefused, InputTooLarge, StateForbids, TooManyJobs
from inference.batch.models import UNFINISHED, BatchJob, JobStatus, directory
from inference.bulk import arrow, files
from inference.bulk.files import FileUnreadable
from registry.models import ModelVersion
from registry.services import check_can_serve

_DAY = timedelta(days=1)
_ORPHAN_SECONDS = 24 * 3600.0


def ask(
    *, version: ModelVersion, by: User, file: UploadedFile, input_format: str = "", results_format: str = ""
) -> BatchJob:
    """Have a file scored by a version, in the background. The input's format is found out when left empty; the results
    have the same one unless another is named.

    Raises VersionNotReady, InputTooLarge, InputRefused, TooManyJobs (`too_many_jobs`, `storage_quota`).
    """
    check_can_serve(version)
    size = file.size or 0
    if size > settings.BATCH_MAX_BYTES:
        raise too_large()
    job = BatchJob(version=version, by=by, file_name=_shown(file.name or ""), input_bytes=size)
    _place(file, job.input_path)
    try:
        kind = input_format or files.recognise(job.input_path, file.name or "")
        job.input_format, job.results_format = kind, results_format or kind
        _check(job)
        with transaction.atomic():
            User.objects.select_for_update(no_key=True).get(pk=by.pk)  # who asks twice at once is counted once each
            _check_quota(by, size)
            job.save(force_insert=True)
            details = {"version": str(version), "format": kind, "bytes": size}
            audit.record("batch.asked", by=by, target=job, details=details)
    except BaseException:
        shutil.rmtree(job.folder, ignore_errors=True)
        raise
    return job


def too_large() -> InputTooLarge:
    """The refusal of a file that is larger than BATCH_MAX_BYTES."""
    limit = settings.BATCH_MAX_BYTES
    return InputTooLarge(f"The file is larger than {limit:,} bytes.", field="file", limit_bytes=limit)


def _check(job: BatchJob) -> None:
    if not job.input_bytes:
        raise InputRefused("The file is empty.", code="empty_file", field="file")
    if "parquet" in (job.input_format, job.results_format):
        try:
            arrow.require()
        except FileUnreadable as error:
            raise InputRefused(error.message, code=error.code, field="format") from error


def _check_quota(by: User, size: int) -> None:
    mine = BatchJob.objects.filter(by=by)
    unfinished = mine.filter(status__in=UNFINISHED).count()
    if unfinished >= settings.BATCH_JOBS_PER_OWNER:
        limit = settings.BATCH_JOBS_PER_OWNER
        raise TooManyJobs(f"You have {unfinished} unfinished jobs; {limit} are allowed at once.", limit=limit)
    held = _held_bytes(mine)
    if held + size > settings.BATCH_OWNER_BYTES:
        limit = settings.BATCH_OWNER_BYTES
        raise TooManyJobs(
            f"Your jobs hold {held:,} bytes of files; {limit:,} are allowed. Delete some.",
            code="storage_quota",
            limit_bytes=limit,
        )


def _held_bytes(jobs: Any) -> int:
    """Inputs of what is unfinished, results of what is done."""
    inputs = jobs.filter(status__in=UNFINISHED).aggregate(bytes=Sum("input_bytes"))["bytes"] or 0
    results = jobs.aggregate(bytes=Sum("result_bytes"))["bytes"] or 0
    return int(inputs + results)


def _place(file: UploadedFile, target: Path) -> None:
    """The upload at its place: by a second name for it where that can be, else copied."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(file, "temporary_file_path"):
        try:
            os.link(file.temporary_file_path(), target)
            return
        except OSError:
            pass  # another disk
    with target.open("wb") as copy:
        for piece in file.chunks():
            copy.write(piece)


def _shown(name: str) -> str:
    return "".join(character for character in name if character.isprintable())[-255:]


def cancel(*, job: BatchJob, by: User) -> BatchJob:
    """Stop a job; one that runs ends within seconds. Raises Forbidden, StateForbids (`batch_ended`), JobNotFound."""
    _check_may_cancel(job, by)
    with transaction.atomic():
        row = selectors.find(BatchJob.objects.select_for_update(no_key=True), job.pk)
        if not row.is_unfinished:
            raise StateForbids("This job has ended.", code="batch_ended", status=row.status)
        row.cancel_asked_at = row.cancel_asked_at or timezone.now()
        if row.status == JobStatus.WAITING:
            row.status, row.ended_at = JobStatus.CANCELLED, timezone.now()
        row.save(update_fields=["cancel_asked_at", "status", "ended_at"])
        audit.record("batch.cancelled", by=by, target=row)
        if row.status == JobStatus.CANCELLED:
            transaction.on_commit(partial(shutil.rmtree, row.folder, ignore_errors=True))
    return row


def delete(*, job: BatchJob, by: User) -> None:
    """Forget a job that has ended, with its results.

    Raises Forbidden, StateForbids (`batch_unfinished`), JobNotFound.
    """
    _check_may_cancel(job, by)
    with transaction.atomic():
        row = selectors.find(BatchJob.objects.select_for_update(), job.pk)
        if row.is_unfinished:
            raise StateForbids("This job is unfinished: cancel it first.", code="batch_unfinished", status=row.status)
        audit.record("batch.deleted", by=by, target=row)
        row.delete()
        transaction.on_commit(partial(shutil.rmtree, job.folder, ignore_errors=True))


def note_download(*, job: BatchJob, by: User) -> None:
    """Write down that the results were given out."""
    audit.record("batch.downloaded", by=by, target=job, details={"version": str(job.version)})


def _check_may_cancel(job: BatchJob, by: User) -> None:
    if not selectors.may_cancel(by, job):
        raise Forbidden("Somebody else asked for this job.")


# -- For the process that runs it ---------------------------------------------------------------------


def is_one_due() -> bool:
    """Whether a job waits for a process, or lost the one it had."""
    return BatchJob.objects.filter(BatchJob.claimable(), status__in=UNFINISHED).exists()


def claim() -> BatchJob | None:
    """The job that waits longest, claimed for JOB_LEASE_SECONDS; None when none waits. One that was cancelled, or that
    took its processes down JOB_MAX_ATTEMPTS times without a step forward, is ended instead."""
    waiting = BatchJob.objects.filter(status__in=UNFINISHED).order_by("asked_at", "pk")
    running: dict[str, Any] = {"seconds": settings.JOB_LEASE_SECONDS, "status": JobStatus.RUNNING}
    while (job := BatchJob.claim_one(waiting, **running)) is not None:
        if job.cancel_asked_at is not None:
            end(job, status=JobStatus.CANCELLED)
        elif job.attempts > settings.JOB_MAX_ATTEMPTS:
            message = f"It came no further in {settings.JOB_MAX_ATTEMPTS} attempts."
            told = job.failure or {"code": "process_died", "message": f"{message} Its process died each time."}
            end(job, status=JobStatus.FAILED, failure=told)
        else:
            job.started_at = job.started_at or timezone.now()
            _mine(job).update(started_at=job.started_at)
            return job
    return None


def note_plan(job: BatchJob, *, rows: int, ignored: list[str]) -> None:
    """Say what the file holds. Raises TooManyJobs (`row_quota`) over BATCH_ROWS_PER_DAY of the owner."""
    limit = settings.BATCH_ROWS_PER_DAY
    if limit:
        of_today = BatchJob.objects.filter(by=job.by_id, asked_at__gte=timezone.now() - _DAY).exclude(pk=job.pk)
        taken = of_today.aggregate(rows=Sum("rows_total"))["rows"] or 0
        if taken + rows > limit:
            message = f"The file has {rows:,} rows, and {taken:,} were asked for within a day; {limit:,} are allowed."
            raise TooManyJobs(message, code="row_quota", limit=limit)
    job.rows_total = rows
    _mine(job).update(rows_total=rows, ignored_columns=ignored)


def report(job: BatchJob, *, rows_done: int, rows_failed: int, rows_per_second: float) -> None:
    """Say how far it is. A step forward makes up for earlier attempts."""
    job.attempts = 1
    _mine(job).update(rows_done=rows_done, rows_failed=rows_failed, rows_per_second=rows_per_second, attempts=1)


def put_off(job: BatchJob, *, seconds: float, code: str, message: str) -> None:
    """Give the claim back for another attempt, and remember why."""
    job.release(delay=seconds, failure={"code": code, "message": message[:1000]})


def end(
    job: BatchJob, *, status: JobStatus, failure: dict[str, Any] | None = None, result_bytes: int = 0, **counts: int
) -> None:
    """Write how it ended, and drop the input and whatever is no result. Raises LeaseLost."""

    def write(row: BatchJob) -> None:
        row.status, row.failure, row.ended_at, row.result_bytes = status, failure, timezone.now(), result_bytes
        for name, count in counts.items():
            setattr(row, name, count)
        row.save(update_fields=["status", "failure", "ended_at", "result_bytes", *counts])

    job.finish(write)
    if status == JobStatus.DONE:
        job.input_path.unlink(missing_ok=True)
        shutil.rmtree(job.parts_path, ignore_errors=True)
    else:
        shutil.rmtree(job.folder, ignore_errors=True)


def _mine(job: BatchJob) -> Any:
    return BatchJob.objects.filter(pk=job.pk, lease_token=job.lease_token)


# -- Housekeeping -------------------------------------------------------------------------------------


def prune() -> int:
    """Forget jobs that ended BATCH_KEEP_DAYS ago with their results, and folders that belong to none; how many."""
    ended = BatchJob.objects.exclude(status__in=UNFINISHED)
    old = list(ended.filter(ended_at__lt=timezone.now() - settings.BATCH_KEEP_DAYS * _DAY)[:500])
    for job in old:
        shutil.rmtree(job.folder, ignore_errors=True)
        job.delete()
    return len(old) + _sweep()


def _sweep() -> int:
    """Folders without a row: of a request that was cut short, or of a job that another host deleted."""
    removed, limit = 0, time.time() - _ORPHAN_SECONDS
    for folder in directory().iterdir() if directory().is_dir() else ():
        try:
            is_ours = not BatchJob.objects.filter(pk=uuid.UUID(folder.name)).exists()
        except ValueError:
            continue
        if is_ours and folder.stat().st_mtime < limit:
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def count() -> bool:
    """Bring the rows of jobs that ended to the metrics, each once; a job of the runner, whose process lives on."""
    found = False
    ended = BatchJob.objects.filter(is_counted=False).exclude(status__in=UNFINISHED)
    for job in ended.select_related("version__model")[:100]:
        if BatchJob.objects.filter(pk=job.pk, is_counted=False).update(is_counted=True):
            found = True
            metrics.count_batch(
                model=job.version.model.name,
                version=job.version.number,
                status=job.status,
                answered=job.rows_done - job.rows_failed,
                failed=job.rows_failed,
            )
    return found
