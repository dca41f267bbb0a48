"""What the dashboard shows, read from the rollups in a constant number of queries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from monitoring import clients
from monitoring.filters import Filters
from monitoring.models import ClientRollup, Rollup
from monitoring.spans import WINDOWS, Span
from monitoring.sums import Sums, gathered, steps_of, whole_of
from registry.models import Deployment, ModelVersion, RegisteredModel


@dataclass(frozen=True, slots=True)
class Point:
    """One step of the window."""

    start: datetime
    sums: Sums


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: a model of the platform, or a version of the model looked at."""

    label: str
    model_name: str
    sums: Sums
    requests: list[int]


@dataclass(frozen=True, slots=True)
class Marker:
    """A change of what is served."""

    at: datetime
    label: str
    action: str
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything one dashboard page shows of the past."""

    window: Span
    starts: list[datetime]
    now: datetime
    totals: Sums
    points: list[Point]
    lines: list[Line]
    markers: list[Marker]

    @property
    def requests_per_second(self) -> float:
        """Mean over the window."""
        return self.totals.requests / self.window.seconds(self.now)


def overview(window: str, model: RegisteredModel | None, user: Any, *, now: datetime | None = None) -> Overview:
    """Traffic, latency and changes in a window (one of `spans.WINDOWS`) for all models `user` may know of, or one.

    Raises KeyError for another window. Five queries, whatever there is to show.
    """
    now = now or timezone.now()
    return filtered(Filters(WINDOWS[window].span(now), now), model, user)


def filtered(filters: Filters, model: RegisteredModel | None, user: Any) -> Overview:
    """The same for the requests that the filters mean. Five queries, and one more for one model."""
    names = _names(model, user)
    span = filters.span
    rows = _rows(filters, names)
    points = _points(rows.filter(steps_of(span)), span)
    lines = _lines(rows, span, model, names)
    totals = Sums()
    for point in points:
        totals.add(point.sums)
    return Overview(
        window=span,
        starts=span.starts,
        now=filters.now,
        totals=totals,
        points=points,
        lines=lines,
        markers=_markers(span, names),
    )


def _names(model: RegisteredModel | None, user: Any) -> dict[int, str]:
    """Id to name of the models that are shown."""
    visible = RegisteredModel.objects.visible_to(user)
    if model is not None:
        visible = visible.filter(pk=model.pk)
    return dict(visible.values_list("pk", "name"))


def _rows(filters: Filters, names: dict[int, str]) -> QuerySet[Any]:
    """The rows of sums that are meant, of any time."""
    condition = Q(model_id__in=list(names))
    if filters.outcomes:
        condition &= Q(outcome__in=filters.outcomes)
    if filters.version is not None:
        versions = ModelVersion.objects.filter(number=filters.version, model_id__in=list(names))
        condition &= Q(version_id__in=versions.values("pk"))
    if filters.client is not None:
        return ClientRollup.objects.filter(condition & clients.in_sums(filters.client))
    return Rollup.objects.filter(condition)


def _points(rows: QuerySet[Any], span: Span) -> list[Point]:
    """The sums of every step, also of those without requests."""
    steps = gathered(rows, "start")
    return [Point(start, steps.get((start,)) or Sums()) for start in span.starts]


def _lines(rows: QuerySet[Any], span: Span, model: RegisteredModel | None, names: dict[int, str]) -> list[Line]:
    """The models, or the versions of one; the busiest first."""
    name = "model_id" if model is None else "version_id"
    labels = names if model is None else _version_labels(model)
    found: dict[Any, Line] = {}
    for (key,), sums in gathered(rows.filter(whole_of(span)), name).items():
        label = labels.get(key, "no version")
        found[key] = Line(label, label if model is None else model.name, sums, [0] * len(span.starts))
    position = {start: index for index, start in enumerate(span.starts)}
    steps = rows.filter(steps_of(span)).values_list(name, "start")
    for key, start, requests in steps.annotate(Sum("requests")).order_by():
        found[key].requests[position[start]] += requests
    return sorted(found.values(), key=lambda line: (-line.sums.requests, line.label))


def _version_labels(model: RegisteredModel) -> dict[int, str]:
    return {pk: f"{model.name}:{number}" for pk, number in model.versions.values_list("pk", "number")}


def _markers(span: Span, names: dict[int, str]) -> list[Marker]:
    changes = Deployment.objects.filter(
        activated_at__gte=span.since, activated_at__lt=span.until, model_id__in=list(names)
    )
    return [
        Marker(at, f"{name}:{number}", action, by, note)
        for at, name, number, action, by, note in changes.order_by("activated_at").values_list(
            "activated_at", "model__name", "version__number", "action", "by__email", "note"
        )[:200]
    ]
