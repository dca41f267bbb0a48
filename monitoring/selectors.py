"""What the dashboard shows, read from the rollups in a constant number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Q
from django.utils import timezone

from monitoring import clients, histogram
from monitoring.filters import Filters
from monitoring.models import ClientRollup, Outcome, Rollup
from monitoring.spans import WINDOWS, Span
from registry.models import Deployment, ModelVersion, RegisteredModel

SHARES = (0.5, 0.95, 0.99)
FAILURES = frozenset({Outcome.ERROR, Outcome.TIMEOUT})
ANSWERS = frozenset({Outcome.OK, Outcome.CACHED, Outcome.FALLBACK})


@dataclass
class Sums:
    """Requests added up. Latencies in milliseconds; None where there were no requests."""

    outcomes: dict[str, int] = field(default_factory=dict)
    instances: int = 0
    latency_sum_ms: float = 0.0
    counts: dict[int, int] = field(default_factory=dict)

    def add(self, other: "Sums") -> None:
        """Add up; to be done before anything is read."""
        for outcome, requests in other.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + requests
        self.instances += other.instances
        self.latency_sum_ms += other.latency_sum_ms
        histogram.merge(self.counts, other.counts)

    @property
    def requests(self) -> int:
        return sum(self.outcomes.values())

    @property
    def failures(self) -> int:
        """Requests that failed or timed out: the platform's fault."""
        return self._of(FAILURES)

    @property
    def refusals(self) -> int:
        """Requests whose input was refused: the caller's fault."""
        return self.outcomes.get(Outcome.INVALID, 0)

    @property
    def error_rate(self) -> float | None:
        """Share of the requests that failed or timed out."""
        return self.failures / self.requests if self.requests else None

    @property
    def cached_share(self) -> float | None:
        """Share of the answers that came from the cache."""
        answers = self._of(ANSWERS)
        return self.outcomes.get(Outcome.CACHED, 0) / answers if answers else None

    @property
    def mean_ms(self) -> float | None:
        return self.latency_sum_ms / self.requests if self.requests else None

    @cached_property
    def percentiles(self) -> list[float | None]:
        """p50, p95 and p99, each within 4.5 % of the exact one."""
        return histogram.percentiles(self.counts, SHARES)

    def share_below(self, latency_ms: float) -> float | None:
        """Share of the requests that were clearly faster: those in lower buckets of the histogram."""
        own = histogram.bucket_of(latency_ms)
        total = sum(self.counts.values())
        return sum(count for bucket, count in self.counts.items() if bucket < own) / total if total else None

    @property
    def p50_ms(self) -> float | None:
        return self.percentiles[0]

    @property
    def p95_ms(self) -> float | None:
        return self.percentiles[1]

    @property
    def p99_ms(self) -> float | None:
        return self.percentiles[2]

    def _of(self, outcomes: Iterable[str]) -> int:
        return sum(self.outcomes.get(outcome, 0) for outcome in outcomes)


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

    Raises KeyError for another window. Three queries, whatever there is to show.
    """
    now = now or timezone.now()
    return filtered(Filters(WINDOWS[window].span(now), now), model, user)


def filtered(filters: Filters, model: RegisteredModel | None, user: Any) -> Overview:
    """The same for the requests that the filters mean. Three queries; four when a client is chosen."""
    names = _names(model, user)
    span = filters.span
    read = _Reading(span)
    for start, model_id, number, *values in _rows(filters, names):
        label = names[model_id] if model is None else f"{model.name}:{number}" if number else "no version"
        read.add((label, names[model_id]), start, *values)
    return Overview(
        window=span,
        starts=span.starts,
        now=filters.now,
        totals=read.totals(),
        points=read.points(),
        lines=read.lines(),
        markers=_markers(span, names),
    )


def _names(model: RegisteredModel | None, user: Any) -> dict[int, str]:
    """Id to name of the models that are shown."""
    visible = RegisteredModel.objects.visible_to(user)
    if model is not None:
        visible = visible.filter(pk=model.pk)
    return dict(visible.values_list("pk", "name"))


_SUMS = ("outcome", "requests", "instances", "latency_sum_ms", "latency_histogram")


def _rows(filters: Filters, names: dict[int, str]) -> Iterable[tuple[Any, ...]]:
    """Start, model id, version number and sums of every row that is meant."""
    span = filters.span
    condition = Q(resolution=span.resolution, start__gte=span.since, start__lt=span.until, model_id__in=list(names))
    if filters.outcomes:
        condition &= Q(outcome__in=filters.outcomes)
    if filters.client is not None:
        return _client_rows(filters, condition & clients.in_sums(filters.client))
    if filters.version is not None:
        condition &= Q(version__number=filters.version)
    return Rollup.objects.filter(condition).values_list("start", "model_id", "version__number", *_SUMS)


def _client_rows(filters: Filters, condition: Q) -> list[tuple[Any, ...]]:
    """Of one client; version numbers are looked up beside it."""
    found = list(ClientRollup.objects.filter(condition).values_list("start", "model_id", "version_id", *_SUMS))
    ids = {version_id for _, _, version_id, *_ in found}
    numbers = dict(ModelVersion.objects.filter(pk__in=ids).values_list("pk", "number"))
    rows = [(start, model_id, numbers.get(version_id), *sums) for start, model_id, version_id, *sums in found]
    return [row for row in rows if filters.version in (None, row[2])]


class _Reading:
    """Adds rows up by step and by line. A busy week has ten thousand rows, so no object is made for a row."""

    def __init__(self, span: Span) -> None:
        self._steps = {start: Sums() for start in span.starts}
        self._position = {start: index for index, start in enumerate(span.starts)}
        self._lines: dict[tuple[str, str], Line] = {}

    def add(
        self, label: tuple[str, str], start: datetime, outcome: str, requests: int, instances: int,
        latency_sum_ms: float, buckets: list[int],
    ) -> None:  # fmt: skip
        line = self._lines.get(label)
        if line is None:
            line = self._lines[label] = Line(*label, sums=Sums(), requests=[0] * len(self._steps))
        line.requests[self._position[start]] += requests
        for sums in (self._steps[start], line.sums):
            sums.outcomes[outcome] = sums.outcomes.get(outcome, 0) + requests
            sums.instances += instances
            sums.latency_sum_ms += latency_sum_ms
            histogram.add(sums.counts, buckets)

    def points(self) -> list[Point]:
        return [Point(start, sums) for start, sums in self._steps.items()]

    def totals(self) -> Sums:
        totals = Sums()
        for line in self._lines.values():
            totals.add(line.sums)
        return totals

    def lines(self) -> list[Line]:
        """The busiest first."""
        return sorted(self._lines.values(), key=lambda line: (-line.sums.requests, line.label))


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
