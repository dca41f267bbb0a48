"""What validation finds, written down by the job that holds the claim on the version."""

import logging
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from registry import artifacts, generation, seals
from registry.errors import Forbidden
from registry.models import EventKind, ModelVersion, RegisteredModel, Status, VersionEvent

log = logging.getLogger(__name__)


def claim_for_validation(*, seconds: float, max_attempts: int) -> ModelVersion | None:
    """Claim the oldest version that waits to be validated; None when there is none.

    A version whose runner died is taken up again; one that killed its runner `max_attempts` times is given up.
    """
    waiting = ModelVersion.objects.filter(status__in=[Status.PENDING, Status.VALIDATING]).order_by("created_at", "pk")
    version = ModelVersion.claim_one(waiting, seconds=seconds, status=Status.VALIDATING)
    if version is not None and version.attempts > max_attempts:
        mark_failed(
            version=version,
            code="gave_up",
            message=f"Validation was begun {max_attempts} times and never came to an end: its runner died each time. "
            "Upload the file again to retry.",
        )
        return claim_for_validation(seconds=seconds, max_attempts=max_attempts)
    return version


def mark_ready(
    *,
    version: ModelVersion,
    task: str,
    handler: str,
    compiled: bytes | None,
    explainer: bytes | None = None,
    **found: Any,
) -> ModelVersion:
    """Record what validation found and make the version ready. `version` must hold its claim (else LeaseLost)."""
    facts = dict(found, status=Status.READY, failure=None, progress={}, validated_at=timezone.now(), not_before=None)
    if compiled is not None:
        path, sha256 = artifacts.store_compiled(version.artifact, compiled, found["runtime"])
        seal = seals.make(model_id=version.model_id, number=version.number, form=seals.COMPILED, sha256=sha256)
        facts.update(compiled=path, compiled_sha256=sha256, compiled_seal=seal)
    if explainer is not None:
        path, sha256 = artifacts.store_explainer(version.artifact, explainer)
        seal = seals.make(model_id=version.model_id, number=version.number, form=seals.EXPLAINER, sha256=sha256)
        facts.update(explainer=path, explainer_sha256=sha256, explainer_seal=seal)

    def write(row: ModelVersion) -> None:
        _update(row, **facts)
        _complete_model(row.model, task=task, handler=handler)
        generation.bump()

    return version.finish(write)


def _complete_model(model: RegisteredModel, *, task: str, handler: str) -> None:
    """What the uploader left open is what the first valid version says."""
    missing = {key: value for key, value in (("task", task), ("handler", handler)) if not getattr(model, key)}
    if missing:
        RegisteredModel.objects.filter(pk=model.pk).update(**missing)


def mark_failed(
    *, version: ModelVersion, code: str, message: str, field: str | None = None, report: Any = None
) -> ModelVersion:
    """Record why validation failed. `version` must hold its claim (else LeaseLost)."""
    failure = {"code": code, "message": message, "field": field}
    facts = {
        "status": Status.FAILED,
        "failure": failure,
        "progress": {},
        "report": report,
        "validated_at": timezone.now(),
    }
    return version.finish(lambda row: _update(row, **facts))


def release_validation(*, version: ModelVersion, delay: float = 0.0, counts: bool = True) -> None:
    """Put the version back in the queue: after something that isn't the model's fault, or (`counts` False) because
    the runner was told to stop."""
    version.release(delay=delay, counts=counts, status=Status.PENDING, progress={})


def report_progress(*, version: ModelVersion, step: str, fraction: float) -> None:
    """Show where validation is; `fraction` from 0 to 1."""
    progress = {"step": step, "fraction": round(fraction, 2)}
    ModelVersion.objects.filter(pk=version.pk, lease_token=version.lease_token).update(progress=progress)


def trust(*, version: ModelVersion, by: User, note: str = "") -> ModelVersion:
    """Mark a version as trusted (it may be served natively) and, if it had failed, have it validated again."""
    if not by.has_perm("registry.upload_trusted_model"):
        raise Forbidden("You may not mark versions as trusted: ask for the permission `upload_trusted_model`.")
    with transaction.atomic():
        row = ModelVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
        mark_trusted(row, by)
        if row.status == Status.FAILED:
            row.status, row.attempts, row.failure, row.not_before = Status.PENDING, 0, None, None
        row.save()
        VersionEvent.objects.create(version=row, kind=EventKind.TRUSTED, by=by, note=note)
        audit.record("version.trusted", by=by, target=row, details={"note": note})
    log.info("version trusted: %s by user %s", row, by.pk)
    return row


def mark_trusted(version: ModelVersion, by: User) -> None:
    """Note on the unsaved version who trusts it, and since when."""
    version.trusted, version.trusted_by, version.trusted_at = True, by, timezone.now()


def _update(row: ModelVersion, **facts: Any) -> None:
    for name, value in facts.items():
        setattr(row, name, value)
    row.save(update_fields=list(facts))
