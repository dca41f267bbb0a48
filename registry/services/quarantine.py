"""What the platform itself takes out of service: versions that keep crashing or overrunning their deadlines."""

import logging

from django.db import transaction
from django.utils import timezone

from accounts import audit
from registry import generation
from registry.errors import Conflict
from registry.models import Deployment, DeploymentAction, EventKind, ModelVersion, RegisteredModel, VersionEvent
from registry.services.deploying import append_entry, rollback_target

log = logging.getLogger(__name__)


def quarantine(*, version: ModelVersion, reason: str) -> Deployment | None:
    """Take `version` out of service; if it is live, make live again what was live before.

    Returns the ledger's new entry, None when there is none: the version wasn't live, nothing was live before it (then
    the model answers `version_quarantined`), or it is in quarantine already. `restore_version` lifts it.
    """
    with transaction.atomic():
        model = RegisteredModel.objects.select_for_update(no_key=True).get(pk=version.model_id)
        row = (
            ModelVersion.objects.select_for_update(of=("self",), no_key=True).select_related("model").get(pk=version.pk)
        )
        if row.quarantined_at is not None:
            return None
        row.quarantined_at, row.quarantine_reason = timezone.now(), reason
        row.save(update_fields=["quarantined_at", "quarantine_reason"])
        VersionEvent.objects.create(version=row, kind=EventKind.QUARANTINED, by=None, note=reason)
        entry = _roll_back(model, row, reason)
        generation.bump()
        audit.record("version.quarantined", by=None, target=row, details={"reason": reason})
        if entry is not None:
            details = {"deployment": entry.pk, "note": entry.note}
            audit.record("version.rolled_back", by=None, target=entry.version, details=details)
    log.error("%s is in quarantine: %s; live is %s", row, reason, entry.version if entry else "nothing in its place")
    return entry


def _roll_back(model: RegisteredModel, version: ModelVersion, reason: str) -> Deployment | None:
    """The ledger names who made the version live: somebody must be named, and the note says that it was not they."""
    open = model.deployments.filter(closed_at=None).select_related("version", "returns_to__version", "by").first()
    if open is None or open.version_id != version.pk:
        return None
    try:
        target = rollback_target(open)
    except Conflict:
        return None
    return append_entry(
        target.version,
        open,
        action=DeploymentAction.ROLLBACK,
        returns_to=target.returns_to,
        by=open.by,
        note=f"Rolled back by the platform: {reason}",
        proof=None,
    )
