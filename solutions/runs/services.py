"""Everything that changes a training: people ask for one and cancel it, the process that runs it reports."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from registry.models import RegisteredModel
from registry.services import may_change
from solutions import catalogue
from solutions.errors import NotAllowed, StateForbids, ThingNotFound, ValueInvalid
from solutions.runs.models import UNFINISHED, RunStatus, TrainingRun

MAX_SEED = 2**32 - 1
KEPT_RUNS = 50


def ask(*, solution: str, by: User, seed: int | None = None, activate: bool = False) -> TrainingRun:
    """Have a solution trained in the background, and its models uploaded as their next versions.

    Raises NoSuchSolution, NotAllowed, ValueInvalid, StateForbids (`training_in_progress`).
    """
    facts = catalogue.get(solution)
    if not by.has_perm("registry.upload_model"):
        raise NotAllowed("You may not upload models: ask for the permission `upload_model`.")
    others = [model for model in RegisteredModel.objects.filter(name__in=facts.models) if not may_change(by, model)]
    if others:
        raise NotAllowed(f"{others[0].name} belongs to somebody else.")
    seed = facts.seed if seed is None else seed
    if not 0 <= seed <= MAX_SEED:
        raise ValueInvalid(f"A seed is a whole number from 0 to {MAX_SEED}.", field="seed")
    try:
        with transaction.atomic():
            run = TrainingRun.objects.create(solution=solution, seed=seed, activate=activate, by=by)
            audit.record("training.asked", by=by, target=run, details={"solution": solution, "seed": seed})
    except IntegrityError as error:
        raise StateForbids(f"{facts.title} is being trained already.", code="training_in_progress") from error
    return run


def cancel(*, run: TrainingRun, by: User) -> TrainingRun:
    """Stop a training; one that runs ends within seconds. Raises NotAllowed, StateForbids (`training_ended`)."""
    if by.pk != run.by_id and not by.is_superuser:
        raise NotAllowed("Somebody else asked for this training.")
    with transaction.atomic():
        row = TrainingRun.objects.select_for_update().get(pk=run.pk)
        if not row.is_unfinished:
            raise StateForbids("This training has ended.", code="training_ended")
        row.cancel_asked_at = timezone.now()
        if row.status == RunStatus.WAITING:
            row.status, row.ended_at = RunStatus.CANCELLED, timezone.now()
        row.save(update_fields=["cancel_asked_at", "status", "ended_at"])
        audit.record("training.cancelled", by=by, target=row)
    if row.status == RunStatus.CANCELLED:
        shutil.rmtree(folder_of(row), ignore_errors=True)
    return row


def find(pk: int) -> TrainingRun:
    """Raises ThingNotFound."""
    run = TrainingRun.objects.filter(pk=pk).first()
    if run is None:
        raise ThingNotFound(f"There is no training {pk}.")
    return run


# -- For the process that runs it ---------------------------------------------------------------------


def is_one_due() -> bool:
    """Whether a training waits for a process, or lost the one it had."""
    return TrainingRun.objects.filter(TrainingRun.claimable(), status__in=UNFINISHED).exists()


def claim() -> TrainingRun | None:
    """The training that waits longest, claimed for JOB_LEASE_SECONDS; None when none waits. One that was cancelled,
    or that took its processes down JOB_MAX_ATTEMPTS times, is ended instead."""
    waiting = TrainingRun.objects.filter(status__in=UNFINISHED).order_by("pk")
    while (run := TrainingRun.claim_one(waiting, seconds=settings.JOB_LEASE_SECONDS)) is not None:
        if run.cancel_asked_at is not None:
            end(run, status=RunStatus.CANCELLED)
        elif run.attempts > settings.JOB_MAX_ATTEMPTS:
            end(run, status=RunStatus.FAILED, failure="Its process died each time it was tried.")
        else:
            TrainingRun.objects.filter(pk=run.pk).update(
                status=RunStatus.RUNNING, started_at=run.started_at or timezone.now()
            )
            run.status = RunStatus.RUNNING
            return run
    return None


def report(run: TrainingRun, *, progress: dict[str, Any]) -> None:
    """Say how far it is."""
    TrainingRun.objects.filter(pk=run.pk, lease_token=run.lease_token).update(progress=progress)


def note_version(run: TrainingRun, *, name: str, pk: int) -> None:
    """Remember what was uploaded, so that a training that goes on doesn't upload it again."""
    run.versions = {**run.versions, name: pk}
    TrainingRun.objects.filter(pk=run.pk).update(versions=run.versions)


def end(run: TrainingRun, *, status: RunStatus, failure: str = "") -> None:
    """Write how it ended, drop its steps, and forget the oldest trainings. Raises LeaseLost."""

    def write(row: TrainingRun) -> None:
        row.status, row.failure, row.ended_at = status, failure[:2000], timezone.now()
        row.save(update_fields=["status", "failure", "ended_at"])

    run.finish(write)
    shutil.rmtree(folder_of(run), ignore_errors=True)
    ended = TrainingRun.objects.filter(solution=run.solution).exclude(status__in=UNFINISHED)
    old = list(ended.order_by("-pk").values_list("pk", flat=True)[KEPT_RUNS:])
    TrainingRun.objects.filter(pk__in=old, ended_at__lt=timezone.now() - timedelta(days=1)).delete()


def folder_of(run: TrainingRun) -> Path:
    """Where its finished steps lie."""
    return Path(settings.VAR_DIR) / "trainings" / str(run.pk)
