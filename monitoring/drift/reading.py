"""Drift for whoever looks: the last check of each version, and the course of each feature. Few queries, always."""

from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from monitoring.drift.models import DriftCheck, DriftReference, DriftResult
from registry.models import Deployment, ModelVersion, RegisteredModel

MOST_CHECKS = 168
"""How far back the course of a feature is told: a week of hourly checks."""


@dataclass(frozen=True)
class Drift:
    """What is known of one version. `course` are the values of each (role, feature) by check, the oldest first."""

    version: ModelVersion
    reference: DriftReference | None
    checks: list[DriftCheck]
    results: list[DriftResult]
    course: dict[tuple[str, str], list[float | None]]

    @property
    def latest(self) -> DriftCheck | None:
        return self.checks[-1] if self.checks else None


def of_version(version: ModelVersion, *, most: int = MOST_CHECKS) -> Drift:
    """The reference, the last checks (the oldest first) and what the last one found. Four queries."""
    reference = DriftReference.objects.filter(version=version, is_current=True).select_related("by").first()
    checks = list(DriftCheck.objects.filter(version=version).order_by("-checked_at", "-id")[:most])[::-1]
    results = list(DriftResult.objects.filter(drift_check=checks[-1]).order_by("pk")) if checks else []
    place = {row.pk: at for at, row in enumerate(checks)}
    course: dict[tuple[str, str], list[float | None]] = {}
    values = DriftResult.objects.filter(drift_check__in=list(place)).values_list(
        "drift_check_id", "role", "feature", "value"
    )
    for check_id, role, feature, value in values if checks else ():
        course.setdefault((role, feature), [None] * len(checks))[place[check_id]] = value
    return Drift(version, reference, checks, results, course)


def live_version(model: RegisteredModel) -> ModelVersion | None:
    """The version that is live, without its documents."""
    entry = Deployment.objects.filter(model=model, closed_at=None).values("version")
    return ModelVersion.objects.filter(pk__in=entry).select_related("model").defer("golden", "report", "sample").first()


def latest_checks(model: RegisteredModel) -> list[DriftCheck]:
    """The last check of each version of a model, the newest version first. One query."""
    newest = DriftCheck.objects.filter(version=OuterRef("version")).order_by("-checked_at", "-id").values("pk")[:1]
    checks = DriftCheck.objects.filter(model=model, pk=Subquery(newest))
    return list(checks.select_related("version", "reference").defer("reference__profile").order_by("-version__number"))
