"""Everything that changes the registry. Edges (admin, API, commands, jobs) call these and nothing else."""

import logging
from typing import Any, BinaryIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts import audit
from accounts.models import User
from registry import artifacts, generation, names
from registry.errors import Conflict, FieldInvalid, Forbidden, NameTaken, VersionNotReady
from registry.models import (
    SERVABLE,
    Deployment,
    DeploymentAction,
    ModelVersion,
    RegisteredModel,
    Status,
    Task,
    Visibility,
)

log = logging.getLogger(__name__)


# -- Upload -------------------------------------------------------------------------------------------


def upload_version(
    *,
    by: User,
    name: str,
    file: BinaryIO,
    filename: str = "",
    task: str = "",
    handler: str = "",
    description: str = "",
    visibility: str = "",
    sample: list[Any] | None = None,
    expected: list[Any] | None = None,
    metrics: dict[str, float] | None = None,
    tags: list[str] | None = None,
    sha256: str = "",
    trusted: bool = False,
) -> ModelVersion:
    """Store `file` as the next version of the model `name`, which is created when it doesn't exist.

    The version is `pending`: a job validates it. What is served doesn't change. Raises Forbidden, NameTaken,
    FieldInvalid (details say which field), ArtifactInvalid, ArtifactTooLarge; nothing is stored when it raises.
    """
    _check_may_upload(by, trusted)
    _check_fields(
        name=name,
        task=task,
        visibility=visibility,
        sample=sample,
        expected=expected,
        metrics=metrics,
        tags=tags,
    )
    staged = artifacts.stage(file, sha256=sha256)
    try:
        _check_format_enabled(staged.format)
        with transaction.atomic():
            model = _model_for_upload(by=by, name=name, task=task, handler=handler, visibility=visibility)
            number = _next_number(model)
            changed = {key: value for key, value in (("description", description), ("tags", tags)) if value}
            if changed:
                RegisteredModel.objects.filter(pk=model.pk).update(**changed)
            version = ModelVersion(
                model=model,
                number=number,
                created_by=by,
                format=staged.format,
                artifact=staged.place(model.owner_id, model.name, number),
                original_name=_printable(filename),
                sha256=staged.sha256,
                size_bytes=staged.size_bytes,
                sample=sample,
                expected=expected,
                metrics=metrics or {},
            )
            if trusted:
                _mark_trusted(version, by)
            version.save()
            facts = {"trusted": trusted, "sha256": staged.sha256}
            audit.record("version.uploaded", by=by, target=version, details=facts)
    finally:
        staged.discard()
    log.info("version uploaded: %s by user %s", version, by.pk)
    return version


def _check_may_upload(by: User, trusted: bool) -> None:
    if not by.has_perm("registry.upload_model"):
        raise Forbidden("You may not upload models: ask for the permission `upload_model`.")
    if trusted and not by.has_perm("registry.upload_trusted_model"):
        raise Forbidden(
            "You may not mark versions as trusted: ask for the permission `upload_trusted_model`.",
            field="trusted",
        )


def _check_fields(
    *, name: str, task: str, visibility: str, sample: Any, expected: Any, metrics: Any, tags: Any
) -> None:
    try:
        names.validate_name(name)
    except ValidationError as error:
        raise FieldInvalid(error.messages[0], code="invalid_name", field="name") from error
    if task and task not in Task.values:
        raise FieldInvalid(f"Use one of: {', '.join(Task.values)}.", field="task")
    if visibility and visibility not in Visibility.values:
        raise FieldInvalid(f"Use one of: {', '.join(Visibility.values)}.", field="visibility")
    if sample is not None and not (isinstance(sample, list) and sample):
        raise FieldInvalid("Give a list of at least one row.", field="sample")
    if expected is not None and not (isinstance(expected, list) and sample and len(expected) == len(sample)):
        raise FieldInvalid("Give one expected prediction for each row of the sample.", field="expected")
    if metrics is not None and not (isinstance(metrics, dict) and all(_is_number(value) for value in metrics.values())):
        raise FieldInvalid("Give an object of names and finite numbers.", field="metrics")
    if tags is not None and not (
        isinstance(tags, list) and all(isinstance(tag, str) and 0 < len(tag) <= 50 for tag in tags)
    ):
        raise FieldInvalid("Give a list of short texts.", field="tags")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _check_format_enabled(format: str) -> None:
    if format == "sklearn" and not settings.CODE_FORMATS_ENABLED:
        raise Forbidden(
            "Formats that can carry code are switched off on this platform: upload ONNX.",
            code="format_disabled",
            field="file",
        )


def _model_for_upload(*, by: User, name: str, task: str, handler: str, visibility: str) -> RegisteredModel:
    """The model to add a version to; created on first use, owned by who uploads first."""
    facts = {"owner": by, "task": task, "handler": handler, "visibility": visibility or Visibility.PRIVATE}
    model, created = RegisteredModel.objects.get_or_create(name=name, defaults=facts)
    if created:
        return model
    if not RegisteredModel.objects.visible_to(by).filter(pk=model.pk).exists():
        raise NameTaken("This name is taken: choose another.", field="name")
    if not may_change(by, model):
        raise Forbidden("This model belongs to somebody else: upload under a name of your own.", field="name")
    if model.archived_at:
        raise Conflict("This model is archived.", field="name")
    if task and model.task and task != model.task:
        raise FieldInvalid(f"The model's task is {model.task}; upload under another name.", field="task")
    return model


def _next_number(model: RegisteredModel) -> int:
    """The next version number. The update locks the model's row, so parallel uploads queue up here."""
    RegisteredModel.objects.filter(pk=model.pk).update(versions_count=F("versions_count") + 1)
    return RegisteredModel.objects.values_list("versions_count", flat=True).get(pk=model.pk)


def _printable(filename: str) -> str:
    return "".join(character for character in filename if character.isprintable())[-255:]


def may_change(by: User, model: RegisteredModel) -> bool:
    """Whether `by` may add versions to the model or change it: its owner, and superusers."""
    return by.is_superuser or model.owner_id == by.pk


# -- Validation's results -----------------------------------------------------------------------------


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


def mark_ready(*, version: ModelVersion, task: str, handler: str, compiled: bytes | None, **found: Any) -> ModelVersion:
    """Record what validation found and make the version ready. `version` must hold its claim (else LeaseLost)."""
    facts = dict(found, status=Status.READY, failure=None, progress={}, validated_at=timezone.now(), not_before=None)
    if compiled is not None:
        facts["compiled"], facts["compiled_sha256"] = artifacts.store_compiled(version.artifact, compiled)

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


def trust(*, version: ModelVersion, by: User) -> ModelVersion:
    """Mark a version as trusted (it may be served natively) and, if it had failed, have it validated again."""
    if not by.has_perm("registry.upload_trusted_model"):
        raise Forbidden("You may not mark versions as trusted: ask for the permission `upload_trusted_model`.")
    with transaction.atomic():
        row = ModelVersion.objects.select_for_update().get(pk=version.pk)
        _mark_trusted(row, by)
        if row.status == Status.FAILED:
            row.status, row.attempts, row.failure, row.not_before = Status.PENDING, 0, None, None
        row.save()
        audit.record("version.trusted", by=by, target=row)
    log.info("version trusted: %s by user %s", row, by.pk)
    return row


def _mark_trusted(version: ModelVersion, by: User) -> None:
    version.trusted, version.trusted_by, version.trusted_at = True, by, timezone.now()


def _update(row: ModelVersion, **facts: Any) -> None:
    for name, value in facts.items():
        setattr(row, name, value)
    row.save(update_fields=list(facts))


# -- What is live -------------------------------------------------------------------------------------


def check_may_activate(by: User, model: RegisteredModel) -> None:
    """Raise Forbidden unless `by` owns the model or holds `activate_model`."""
    if model.owner_id != by.pk and not by.has_perm("registry.activate_model"):
        raise Forbidden(
            "You may not activate versions of this model: ask its owner, or for the permission `activate_model`."
        )


def check_can_serve(version: ModelVersion) -> None:
    """Raise VersionNotReady unless the version's status allows it to be served."""
    if version.status not in SERVABLE:
        raise VersionNotReady(
            f"Version {version.number} is {version.status}, not ready.",
            status=version.status,
            failure=version.failure,
        )


def activate(*, version: ModelVersion, by: User, note: str = "") -> Deployment:
    """Write into the ledger that `version` is live from now on. `inference.activation` warms it up everywhere first."""
    return _append(
        version.model, by=by, note=note, action=DeploymentAction.ACTIVATE, choose=lambda open: (version, open)
    )


def rollback(*, model: RegisteredModel, by: User, note: str = "") -> Deployment:
    """Write into the ledger that what was live before is live again."""

    def choose(open: Deployment | None) -> tuple[ModelVersion, Deployment | None]:
        target = rollback_target(open)
        return target.version, target.returns_to

    return _append(model, by=by, note=note, action=DeploymentAction.ROLLBACK, choose=choose)


def rollback_target(open: Deployment | None) -> Deployment:
    """The entry a roll back restores: what was live before `open`, skipping what can't be served any more.

    Raises Conflict (`nothing_to_roll_back_to`) when there is none.
    """
    target = open.returns_to if open else None
    while target is not None and target.version.status not in SERVABLE:
        target = target.returns_to
    if target is None:
        raise Conflict("Nothing was live before: there is nothing to roll back to.", code="nothing_to_roll_back_to")
    return target


_AUDITED: dict[str, str] = {
    DeploymentAction.ACTIVATE: "version.activated",
    DeploymentAction.ROLLBACK: "version.rolled_back",
}


def _append(model: RegisteredModel, *, by: User, note: str, action: str, choose: Any) -> Deployment:
    check_may_activate(by, model)
    now = timezone.now()
    try:
        with transaction.atomic():
            RegisteredModel.objects.select_for_update().get(pk=model.pk)
            open = model.deployments.filter(closed_at=None).select_related("version", "returns_to").first()
            version, returns_to = choose(open)
            version = ModelVersion.objects.get(pk=version.pk)
            check_can_serve(version)
            if open is not None:
                if open.version_id == version.pk:
                    raise Conflict(
                        f"Version {version.number} is live already.",
                        code="already_active",
                        version=version.number,
                    )
                open.closed_at = max(now, open.activated_at)
                open.save(update_fields=["closed_at"])
            entry = Deployment.objects.create(
                model=model,
                version=version,
                action=action,
                returns_to=returns_to,
                by=by,
                note=note,
                activated_at=now,
            )
            generation.bump()
            audit.record(_AUDITED[action], by=by, target=version, details={"deployment": entry.pk, "note": note})
    except IntegrityError as error:
        raise Conflict("Another activation was faster: look again and retry.") from error
    log.info("%s: %s by user %s", action, version, by.pk)
    return entry


# -- The end of a life --------------------------------------------------------------------------------


def archive_version(*, version: ModelVersion, by: User) -> ModelVersion:
    """Take a version out of use for good. It can't be live; its file and records stay."""
    check_may_activate(by, version.model)
    with transaction.atomic():
        row = ModelVersion.objects.select_for_update().get(pk=version.pk)
        if Deployment.objects.filter(version=row, closed_at=None).exists():
            raise Conflict("This version is live: activate another one first.", code="version_is_live")
        row.status = Status.ARCHIVED
        row.save(update_fields=["status"])
        generation.bump()
        audit.record("version.archived", by=by, target=row)
    return row


def change_model(*, model: RegisteredModel, by: User, **changes: Any) -> RegisteredModel:
    """Change what may be changed of a model: description, tags, visibility, max_batch_rows, record policy."""
    if not may_change(by, model):
        raise Forbidden("This model belongs to somebody else.")
    with transaction.atomic():
        row = RegisteredModel.objects.select_for_update().get(pk=model.pk)
        for name, value in changes.items():
            setattr(row, name, value)
        row.save(update_fields=[*changes, "updated_at"])
        generation.bump()
        audit.record("model.changed", by=by, target=row, details=changes)
    return row


def archive_model(*, model: RegisteredModel, by: User) -> RegisteredModel:
    """Hide a model from lists and stop serving it. Nothing is deleted."""
    if not may_change(by, model):
        raise Forbidden("This model belongs to somebody else.")
    with transaction.atomic():
        row = RegisteredModel.objects.select_for_update().get(pk=model.pk)
        row.archived_at = row.archived_at or timezone.now()
        row.save(update_fields=["archived_at"])
        generation.bump()
        audit.record("model.archived", by=by, target=row)
    return row
