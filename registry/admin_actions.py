"""What may be done with a version or a model on its page; what may not says why."""

from dataclasses import dataclass

from django.urls import reverse

from accounts.models import User
from registry import downloads, services
from registry.errors import RegistryError
from registry.models import SERVABLE, Deployment, ModelVersion, RegisteredModel, Status
from registry.seals import COMPILED

_NOT_YOURS = "Only its owner, or someone who may activate any model, can do this."


@dataclass(frozen=True, slots=True)
class Action:
    """A button. `why_not` is empty when it may be pressed; one that stands alone is in no menu then."""

    label: str
    url: str
    hint: str
    why_not: str = ""
    is_dangerous: bool = False
    stands_alone: bool = False

    @property
    def is_in_menu(self) -> bool:
        return bool(self.why_not) or not self.stands_alone


def may_activate(user: User, model: RegisteredModel) -> bool:
    """Whether `user` may activate, roll back and retire versions of `model`."""
    try:
        services.check_may_activate(user, model)
    except RegistryError:
        return False
    return True


def roll_back_target(open_entry: Deployment | None) -> Deployment | None:
    """The entry that a roll back would restore, or None when there is none."""
    try:
        return services.rollback_target(open_entry)
    except RegistryError:
        return None


def for_version(version: ModelVersion, *, user: User, live: Deployment | None) -> list[Action]:
    """Everything that can happen to a version from here, possible or not."""
    is_live = live is not None and live.version_id == version.pk
    rights = "" if may_activate(user, version.model) else _NOT_YOURS
    is_retired = version.status in (Status.DEPRECATED, Status.ARCHIVED) or version.quarantined_at is not None
    actions = [
        Action(
            f"Activate version {version.number}",
            reverse("admin-activate", args=[version.pk]),
            "Clients who call the model by its name get this version’s answers.",
            rights or _why_not_activate(version, is_live),
            stands_alone=True,
        ),
        Action(
            "Deprecate",
            reverse("admin:registry_modelversion_deprecate", args=[version.pk]),
            "It is served as before; its answers carry a warning.",
            rights or ("" if version.status == Status.READY else f"It is {version.status}, not ready."),
        ),
        Action(
            "Archive",
            reverse("admin:registry_modelversion_archive", args=[version.pk]),
            "It can’t be called any more. Its file and records stay.",
            rights or _why_not_archive(version, is_live),
            is_dangerous=True,
        ),
        Action(
            "Restore",
            reverse("admin:registry_modelversion_restore", args=[version.pk]),
            "It is again what its validation found it to be.",
            rights or ("" if is_retired else "It is neither deprecated nor archived nor out of service."),
        ),
        Action(
            "Trust",
            reverse("admin-trust", args=[version.pk]),
            "If it can’t be compiled, it may run as native code.",
            _why_not_trust(version, user),
        ),
        *_downloads(version, user),
    ]
    if is_live:
        actions.insert(1, roll_back(version.model, live=live, rights=rights))
    return actions


def _why_not_trust(version: ModelVersion, user: User) -> str:
    if version.trusted:
        return "It is trusted already."
    if not user.has_perm("registry.upload_trusted_model"):
        return "Only someone who may mark versions as trusted can do this."
    return "It runs compiled: there is nothing to trust." if version.runtime else ""


def _downloads(version: ModelVersion, user: User) -> list[Action]:
    address = reverse("admin:registry_modelversion_download", args=[version.pk])
    why_not = "" if downloads.may_download(user, version.model) else "Only its owner and staff can do this."
    original = Action("Download the file", address, "As it was uploaded, verified on the way.", why_not)
    compiled = Action("Download the compiled form", f"{address}?form={COMPILED}", "What is served.", why_not)
    return [original, compiled] if version.compiled else [original]


def for_model(model: RegisteredModel, *, user: User, live: Deployment | None) -> list[Action]:
    """Everything that can happen to a model from here."""
    rights = "" if may_activate(user, model) else _NOT_YOURS
    ownership = "" if services.may_change(user, model) else "Only its owner can do this."
    archive = Action(
        "Archive the model",
        reverse("admin:registry_registeredmodel_archive", args=[model.pk]),
        "It leaves the lists and can’t be called any more. Nothing is deleted.",
        ownership,
        is_dangerous=True,
    )
    restore = Action(
        "Restore the model",
        reverse("admin:registry_registeredmodel_restore", args=[model.pk]),
        "What was live when it was archived is served again.",
        ownership,
    )
    return [roll_back(model, live=live, rights=rights), restore if model.archived_at else archive]


def roll_back(model: RegisteredModel, *, live: Deployment | None, rights: str) -> Action:
    """The button that makes live again what was live before."""
    target = roll_back_target(live)
    archived = "The model is archived: restore it first." if model.archived_at else ""
    return Action(
        f"Roll back to version {target.version.number}" if target else "Roll back",
        reverse("admin-rollback", args=[model.pk]),
        "What was live before is live again, after the same checks.",
        rights or archived or ("" if target else "Nothing was live before."),
        stands_alone=True,
    )


def _why_not_activate(version: ModelVersion, is_live: bool) -> str:
    if version.model.archived_at:
        return "The model is archived: restore it first."
    if version.status not in SERVABLE:
        return f"It is {version.status}, not ready."
    if version.quarantined_at is not None:
        return "The platform took it out of service: restore it first."
    return "It is live already." if is_live else ""


def _why_not_archive(version: ModelVersion, is_live: bool) -> str:
    if is_live:
        return "It is live: activate another version first."
    return "It is archived already." if version.status == Status.ARCHIVED else ""
