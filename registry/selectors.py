"""Reading the registry for people: lists with what is live beside each row."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from registry.models import Deployment, ModelVersion, RegisteredModel, RegisteredModelQuerySet, VersionEvent

# Columns that only a version's own pages show; a list needn't read them.
DETAILS = ("golden", "report", "sample", "expected")

# What an entry of the ledger doesn't show of its version.
_VERSION_DOCUMENTS = tuple(f"version__{name}" for name in (*DETAILS, "signature", "parity", "library_versions"))


def models_with_live(user: Any, *, only: Collection[str] | None = None) -> RegisteredModelQuerySet:
    """The models `user` may see, each with `active_version` (a number or None); `only` those names, if given."""
    open = Deployment.objects.filter(model=OuterRef("pk"), closed_at=None)
    models = RegisteredModel.objects.visible_to(user)
    return (
        (models if only is None else models.filter(name__in=only))
        .select_related("owner")
        .annotate(active_version=Subquery(open.values("version__number")[:1]))
    )


def versions_with_live(model: RegisteredModel) -> "QuerySet[ModelVersion, Any]":
    """A model's versions, the newest first, each with `is_active`."""
    open = Deployment.objects.filter(version=OuterRef("pk"), closed_at=None)
    return model.versions.select_related("created_by", "model").annotate(is_active=Exists(open)).order_by("-number")


def live_version(model: RegisteredModel) -> "QuerySet[Deployment, Any]":
    """The id of a model's live version, as a subquery: one row of the index of open entries."""
    return Deployment.objects.filter(model=model, closed_at=None).values("version")


def history(model: RegisteredModel, *, at: datetime | None = None) -> QuerySet[Deployment]:
    """The ledger of a model, the newest first; with `at`, the entry that was open at that moment."""
    entries = model.deployments.select_related("version", "by").defer(*_VERSION_DOCUMENTS)
    if at is None:
        return entries
    return (
        entries.filter(activated_at__lte=at, closed_at=None) | entries.filter(activated_at__lte=at, closed_at__gt=at)
    ).order_by("-activated_at", "-id")


def events(model: RegisteredModel, *, version: ModelVersion | None = None) -> QuerySet[VersionEvent]:
    """What happened to a model's versions (or to one) besides going live, the newest first."""
    found = VersionEvent.objects.filter(version__model=model).select_related("version__model", "by")
    return found if version is None else found.filter(version=version)


def golden_facts(version: ModelVersion) -> dict[str, Any] | None:
    """How many golden answers a version has, within what they must agree, and the largest difference seen.

    `seen` are the activations, the newest first, each with the largest difference over its serving processes.
    """
    if not version.golden:
        return None
    entries = version.deployments.filter(proof__isnull=False).order_by("-pk")[:20]
    return {
        "rows": len(version.golden["predictions"]),
        "tolerance": (version.parity or {}).get("tolerance"),
        "seen": [
            {"deployment_id": entry.pk, "activated_at": entry.activated_at, **(entry.proof or {})} for entry in entries
        ],
    }


def damaged_versions() -> QuerySet[ModelVersion]:
    """The alarm: versions whose stored files were missing, altered or swapped when they were last looked at."""
    return ModelVersion.objects.filter(damage__isnull=False).select_related("model").order_by("model__name", "number")
