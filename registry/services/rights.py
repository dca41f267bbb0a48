"""Who may do what in the registry, and what may be served."""

from accounts.models import User
from registry.errors import Forbidden, VersionNotReady, VersionQuarantined
from registry.models import SERVABLE, ModelVersion, RegisteredModel


def may_change(by: User, model: RegisteredModel) -> bool:
    """Whether `by` may add versions to the model or change it: its owner, and superusers."""
    return by.is_superuser or model.owner_id == by.pk


def check_may_change(by: User, model: RegisteredModel) -> None:
    """Raise Forbidden unless `by` may change the model."""
    if not may_change(by, model):
        raise Forbidden("This model belongs to somebody else.")


def check_may_activate(by: User, model: RegisteredModel) -> None:
    """Raise Forbidden unless `by` owns the model or holds `activate_model`."""
    if model.owner_id != by.pk and not by.has_perm("registry.activate_model"):
        raise Forbidden(
            "You may not activate versions of this model: ask its owner, or for the permission `activate_model`."
        )


def check_can_serve(version: ModelVersion) -> None:
    """Raise VersionNotReady unless the version's status allows it to be served, VersionQuarantined if it was taken
    out of service."""
    if version.status not in SERVABLE:
        raise VersionNotReady(
            f"Version {version.number} is {version.status}, not ready.",
            status=version.status,
            failure=version.failure,
        )
    if version.quarantined_at is not None:
        raise VersionQuarantined(
            f"Version {version.number} was taken out of service: {version.quarantine_reason}",
            quarantined_at=version.quarantined_at.isoformat(),
        )


def is_servable(version: ModelVersion) -> bool:
    """Whether `check_can_serve` would let it pass."""
    return version.status in SERVABLE and version.quarantined_at is None
