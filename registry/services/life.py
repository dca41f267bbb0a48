"""The later life of versions and models: deprecated, archived, restored. Files and records always stay.

Every step asks for the rights of an activation, locks the model's row (as an activation does, so that nothing goes
live while it is being archived), and is told three times: in the version's events, in the audit trail, in the log.
"""

import logging
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from registry import generation
from registry.errors import Conflict, VersionNotReady
from registry.models import Deployment, EventKind, ModelVersion, RegisteredModel, Status, VersionEvent
from registry.services.rights import check_may_activate, check_may_change

log = logging.getLogger(__name__)
_CHANGED = [
    "status", "lease_token", "lease_until", "attempts", "not_before", "progress", "quarantined_at",
    "quarantine_reason",
]  # fmt: skip


def deprecate(*, version: ModelVersion, by: User, note: str = "") -> ModelVersion:
    """Tell callers to move on: the version is served as before, and its answers carry a warning.

    `restore_version` takes it back. Raises Forbidden, VersionNotReady, Conflict (`already_deprecated`).
    """

    def change(row: ModelVersion) -> None:
        if row.status == Status.DEPRECATED:
            raise Conflict(f"{row} is deprecated already.", code="already_deprecated", status=row.status)
        if row.status != Status.READY:
            raise VersionNotReady(
                f"Version {row.number} is {row.status}: only what can be served can be deprecated.", status=row.status
            )
        row.status = Status.DEPRECATED

    return _step(version, EventKind.DEPRECATED, change, by=by, note=note)


def archive_version(*, version: ModelVersion, by: User, note: str = "") -> ModelVersion:
    """Take a version out of use: it can't be called any more. Its files and records stay.

    `restore_version` takes it back. Raises Forbidden, Conflict (`version_is_live`, `already_archived`).
    """

    def change(row: ModelVersion) -> None:
        if row.status == Status.ARCHIVED:
            raise Conflict(f"{row} is archived already.", code="already_archived", status=row.status)
        if Deployment.objects.filter(version=row, closed_at=None).exists():
            raise Conflict(
                "This version is live: activate another one first.", code="version_is_live", version=row.number
            )
        row.status = Status.ARCHIVED
        # A validation that is going on loses its claim, and with it the right to write its verdict.
        row.lease_token = row.lease_until = None

    return _step(version, EventKind.ARCHIVED, change, by=by, note=note)


def restore_version(*, version: ModelVersion, by: User, note: str = "") -> ModelVersion:
    """Undo `deprecate`, `archive_version` or a quarantine: the version is again what its validation found it to be.

    One that was archived before it was validated is validated now. Raises Forbidden, Conflict (`not_retired`).
    """

    def change(row: ModelVersion) -> None:
        was_quarantined = row.quarantined_at is not None
        row.quarantined_at, row.quarantine_reason = None, ""
        if was_quarantined and row.status == Status.READY:
            return
        if row.status not in (Status.DEPRECATED, Status.ARCHIVED):
            raise Conflict(
                f"{row} is {row.status}: there is nothing to restore it from.", code="not_retired", status=row.status
            )
        if row.runtime:
            row.status = Status.READY
        elif row.failure:
            row.status = Status.FAILED
        else:
            row.status, row.attempts, row.not_before, row.progress = Status.PENDING, 0, None, {}

    return _step(version, EventKind.RESTORED, change, by=by, note=note)


def _step(
    version: ModelVersion, kind: EventKind, change: Callable[[ModelVersion], None], *, by: User, note: str
) -> ModelVersion:
    check_may_activate(by, version.model)
    with transaction.atomic():
        RegisteredModel.objects.select_for_update(no_key=True).get(pk=version.model_id)
        row = (
            ModelVersion.objects.select_for_update(of=("self",), no_key=True).select_related("model").get(pk=version.pk)
        )
        before = row.status
        change(row)
        row.save(update_fields=_CHANGED)
        VersionEvent.objects.create(version=row, kind=kind, by=by, note=note, details={"was": before})
        generation.bump()
        audit.record(f"version.{kind}", by=by, target=row, details={"was": before, "note": note})
    log.info("version %s: %s by user %s", kind, row, by.pk)
    return row


def archive_model(*, model: RegisteredModel, by: User, note: str = "") -> RegisteredModel:
    """Hide a model from lists and stop serving it. Nothing is deleted; `restore_model` takes it back.

    A model that is archived already stays as it is.
    """
    check_may_change(by, model)
    with transaction.atomic():
        row = RegisteredModel.objects.select_for_update(no_key=True).get(pk=model.pk)
        if row.archived_at is not None:
            return row
        row.archived_at = timezone.now()
        row.save(update_fields=["archived_at"])
        generation.bump()
        audit.record("model.archived", by=by, target=row, details={"note": note})
    log.info("model archived: %s by user %s", row, by.pk)
    return row


def restore_model(*, model: RegisteredModel, by: User, note: str = "") -> RegisteredModel:
    """Undo `archive_model`: what was live when the model was archived is served again."""
    check_may_change(by, model)
    with transaction.atomic():
        row = RegisteredModel.objects.select_for_update(no_key=True).get(pk=model.pk)
        if row.archived_at is None:
            raise Conflict(f"{row.name} is not archived.", code="not_archived")
        row.archived_at = None
        row.save(update_fields=["archived_at"])
        generation.bump()
        audit.record("model.restored", by=by, target=row, details={"note": note})
    log.info("model restored: %s by user %s", row, by.pk)
    return row
