"""What is live: the ledger's entries."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from types import EllipsisType
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from registry import generation
from registry.errors import Conflict
from registry.models import Deployment, DeploymentAction, ModelVersion, RegisteredModel
from registry.services.rights import check_can_serve, check_may_activate, is_servable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Commit:
    """What comes with an entry of the ledger.

    expecting: the open entry the decision was made on (None: nothing was live); another one is a Conflict.
    proof: what the serving processes found. within: called with the entry before its transaction is committed.
    """

    expecting: "Deployment | EllipsisType | None" = ...
    proof: dict[str, Any] | None = None
    within: Callable[[Deployment], None] | None = None


_AS_IT_IS = Commit()


def activate(*, version: ModelVersion, by: User, note: str = "", commit: Commit = _AS_IT_IS) -> Deployment:
    """Write into the ledger that `version` is live from now on. `inference.activation` warms it up everywhere first.

    Raises Forbidden, VersionNotReady, Conflict; a Conflict's details say what is live (`current`).
    """
    return _append(
        version.model,
        by=by,
        note=note,
        action=DeploymentAction.ACTIVATE,
        choose=lambda open: (version, open),
        commit=commit,
    )


def rollback(*, model: RegisteredModel, by: User, note: str = "", commit: Commit = _AS_IT_IS) -> Deployment:
    """Write into the ledger that what was live before is live again. Raises as `activate` does."""

    def choose(open: Deployment | None) -> tuple[ModelVersion, Deployment | None]:
        target = rollback_target(open)
        return target.version, target.returns_to

    return _append(model, by=by, note=note, action=DeploymentAction.ROLLBACK, choose=choose, commit=commit)


def rollback_target(open: Deployment | None) -> Deployment:
    """The entry a roll back restores: what was live before `open`, skipping what can't be served any more.

    Raises Conflict (`nothing_to_roll_back_to`) when there is none.
    """
    target = open.returns_to if open else None
    while target is not None and not is_servable(target.version):
        target = target.returns_to
    if target is None:
        raise Conflict(
            "Nothing was live before: there is nothing to roll back to.",
            code="nothing_to_roll_back_to",
            current=state(open),
        )
    return target


def state(open: Deployment | None) -> dict[str, Any] | None:
    """What is live, for the details of a Conflict."""
    if open is None:
        return None
    return {
        "deployment_id": open.pk,
        "version": open.version.number,
        "activated_at": open.activated_at.isoformat(),
    }


_AUDITED: dict[str, str] = {
    DeploymentAction.ACTIVATE: "version.activated",
    DeploymentAction.ROLLBACK: "version.rolled_back",
}


def _append(
    model: RegisteredModel, *, by: User, note: str, action: DeploymentAction, choose: Any, commit: Commit
) -> Deployment:
    check_may_activate(by, model)
    try:
        with transaction.atomic():
            row = RegisteredModel.objects.select_for_update(no_key=True).get(pk=model.pk)
            open = row.deployments.filter(closed_at=None).select_related("version", "returns_to").first()
            _check_unchanged(open, commit.expecting)
            version, returns_to = choose(open)
            version = ModelVersion.objects.select_related("model").get(pk=version.pk)
            _check_may_go_live(row, version, open)
            entry = append_entry(
                version, open, action=action, returns_to=returns_to, by=by, note=note, proof=commit.proof
            )
            generation.bump()
            audit.record(_AUDITED[action], by=by, target=version, details={"deployment": entry.pk, "note": note})
            if commit.within is not None:
                commit.within(entry)
    except IntegrityError as error:
        current = model.open_deployment()
        raise Conflict("Another activation was faster: look again and retry.", current=state(current)) from error
    log.info("%s: %s by user %s", action, version, by.pk)
    return entry


def _check_unchanged(open: Deployment | None, expecting: "Deployment | EllipsisType | None") -> None:
    if not isinstance(expecting, EllipsisType) and open != expecting:
        raise Conflict("Another activation was faster: look again and retry.", code="superseded", current=state(open))


def _check_may_go_live(model: RegisteredModel, version: ModelVersion, open: Deployment | None) -> None:
    if model.archived_at is not None:
        raise Conflict(f"{model.name} is archived: restore it first.", code="model_archived")
    check_can_serve(version)
    if open is not None and open.version_id == version.pk:
        raise Conflict(
            f"Version {version.number} is live already.",
            code="already_active",
            version=version.number,
            current=state(open),
        )


def append_entry(version: ModelVersion, open: Deployment | None, **facts: Any) -> Deployment:
    """Close the open entry and append the new one, at one moment; the model's row must be locked."""
    now = timezone.now()
    if open is not None:
        open.closed_at = now = max(now, open.activated_at)
        open.save(update_fields=["closed_at"])
    return Deployment.objects.create(model=version.model, version=version, activated_at=now, **facts)
