"""Requests added up, and the database's adding up of rows of sums."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import Aggregate, Q, QuerySet, Sum, TextField

from monitoring import histogram
from monitoring.models import Outcome
from monitoring.spans import Span

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


class Joined(Aggregate):
    """Texts of a group one after another, in no order: what adds histograms up (see `monitoring.histogram`)."""

    name = "Joined"
    output_field = TextField()
    arity = 1

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> Any:  # type: ignore[override]
        is_postgresql = connection.vendor == "postgresql"
        return super().as_sql(
            compiler, connection, template="%(function)s(%(expressions)s, '')",
            function="string_agg" if is_postgresql else "group_concat", **extra,
        )  # fmt: skip


def steps_of(span: Span) -> Q:
    """The rows of sums of the span's own steps."""
    return Q(resolution=span.resolution, start__gte=span.since, start__lt=span.until)


def whole_of(span: Span) -> Q:
    """The rows whose sum is the same, as few as there are: for who does not ask how it went over time."""
    condition = Q()
    for resolution, since, until in span.pieces:
        condition |= Q(resolution=resolution, start__gte=since, start__lt=until)
    return condition


def gathered(rows: QuerySet[Any], *names: str) -> dict[tuple[Any, ...], Sums]:
    """The sums of `rows` (of `Rollup` or `ClientRollup`) for each group of equal `names`, added up by the database.

    One query.
    """
    found: dict[tuple[Any, ...], Sums] = {}
    packed: dict[tuple[Any, ...], str] = {}
    groups = rows.values_list(*names, "outcome").annotate(
        Sum("requests"), Sum("instances"), Sum("latency_sum_ms"), Joined("latency_histogram")
    )
    for *values, outcome, requests, instances, latency_sum_ms, histograms in groups.order_by():
        key = tuple(values)
        found.setdefault(key, Sums()).add(Sums({outcome: requests}, instances, latency_sum_ms))
        packed[key] = packed.get(key, "") + histograms
    for key, sums in found.items():
        sums.counts = histogram.unpacked(packed[key])
    return found
