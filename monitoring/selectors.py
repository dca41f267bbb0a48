"""What the dashboard shows, read from the rollups in a constant number of queries."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from django.utils import timezone

from monitoring import histogram
from monitoring.models import Outcome, Resolution, Rollup
from registry.models import Deployment, RegisteredModel

SHARES = (0.5, 0.95, 0.99)
FAILURES = frozenset({Outcome.ERROR, Outcome.TIMEOUT})
ANSWERS = frozenset({Outcome.OK, Outcome.CACHED, Outcome.FALLBACK})


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time up to now, in equal steps; the last step is the one that runs."""

    name: str
    label: str
    resolution: Resolution
    steps: int

    def starts(self, now: datetime) -> list[datetime]:
        """The first instant of each step, oldest first."""
        last = int(now.timestamp()) // self.resolution * self.resolution
        return [datetime.fromtimestamp(last - back * self.resolution, UTC) for back in range(self.steps - 1, -1, -1)]


WINDOWS = {
    window.name: window
    for window in (
        Window("hour", "Last hour", Resolution.MINUTE, 60),
        Window("day", "Last day", Resolution.QUARTER, 96),
        Window("week", "Last week", Resolution.HOUR, 168),
    )
}


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

    window: Window
    starts: list[datetime]
    now: datetime
    totals: Sums
    points: list[Point]
    lines: list[Line]
    markers: list[Marker]

    @property
    def requests_per_second(self) -> float:
        """Mean over the window."""
        return self.totals.requests / (self.now - self.starts[0]).total_seconds()


@dataclass(frozen=True, slots=True)
class Row:
    """One rollup row."""

    start: datetime
    model_id: int
    version: int | None
    sums: Sums


def overview(window: str, model: RegisteredModel | None, user: Any, *, now: datetime | None = None) -> Overview:
    """Traffic, latency and changes in a window (`hour`, `day` or `week`) for all models `user` may know of,
    or one.

    Raises KeyError for another window. Three queries, whatever there is to show.
    """
    chosen = WINDOWS[window]
    now = now or timezone.now()
    starts = chosen.starts(now)
    names = _names(model, user)
    rows = _rows(chosen, starts, names)
    totals, points = _series(rows, starts)
    return Overview(
        window=chosen,
        starts=starts,
        now=now,
        totals=totals,
        points=points,
        lines=_lines(rows, starts, names) if model is None else _version_lines(rows, starts, model),
        markers=_markers(starts[0], names),
    )


def _names(model: RegisteredModel | None, user: Any) -> dict[int, str]:
    """Id to name of the models that are shown."""
    visible = RegisteredModel.objects.visible_to(user)
    if model is not None:
        visible = visible.filter(pk=model.pk)
    return dict(visible.values_list("pk", "name"))


def _rows(window: Window, starts: list[datetime], names: dict[int, str]) -> list[Row]:
    end = starts[-1] + timedelta(seconds=window.resolution)
    found = Rollup.objects.filter(
        resolution=window.resolution, start__gte=starts[0], start__lt=end, model_id__in=list(names)
    ).values_list(
        "start",
        "model_id",
        "version__number",
        "outcome",
        "requests",
        "instances",
        "latency_sum_ms",
        "latency_histogram",
    )
    rows = []
    for start, model_id, version, outcome, requests, instances, latency_sum_ms, buckets in found:
        sums = Sums({outcome: requests}, instances, latency_sum_ms)
        histogram.add(sums.counts, buckets)
        rows.append(Row(start, model_id, version, sums))
    return rows


def _series(rows: list[Row], starts: list[datetime]) -> tuple[Sums, list[Point]]:
    points = {start: Point(start, Sums()) for start in starts}
    for row in rows:
        points[row.start].sums.add(row.sums)
    totals = Sums()
    for point in points.values():
        totals.add(point.sums)
    return totals, list(points.values())


def _lines(rows: list[Row], starts: list[datetime], names: dict[int, str]) -> list[Line]:
    """One line per model with traffic, the busiest first."""
    return _grouped(rows, starts, lambda row: (names[row.model_id], names[row.model_id]))


def _version_lines(rows: list[Row], starts: list[datetime], model: RegisteredModel) -> list[Line]:
    def label(row: Row) -> tuple[str, str]:
        return f"{model.name}:{row.version}" if row.version else "no version", model.name

    return _grouped(rows, starts, label)


def _grouped(rows: list[Row], starts: list[datetime], label_of: Callable[[Row], tuple[str, str]]) -> list[Line]:
    position = {start: index for index, start in enumerate(starts)}
    lines: dict[tuple[str, str], Line] = {}
    for row in rows:
        label = label_of(row)
        if label not in lines:
            lines[label] = Line(*label, sums=Sums(), requests=[0] * len(starts))
        line = lines[label]
        line.sums.add(row.sums)
        line.requests[position[row.start]] += row.sums.requests
    return sorted(lines.values(), key=lambda line: (-line.sums.requests, line.label))


def _markers(since: datetime, names: dict[int, str]) -> list[Marker]:
    changes = Deployment.objects.filter(activated_at__gte=since, model_id__in=list(names))
    return [
        Marker(at, f"{name}:{number}", action, by, note)
        for at, name, number, action, by, note in changes.order_by("activated_at").values_list(
            "activated_at", "model__name", "version__number", "action", "by__email", "note"
        )[:200]
    ]
