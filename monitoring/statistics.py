"""What predictions did over the last hours, as plain values: of all models somebody may see, and of each version.

Read from the rollups, so the numbers are those of all processes and hosts. Two queries, whatever there is to tell;
three with the steps.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from monitoring import histogram
from monitoring.models import Resolution, Rollup
from monitoring.sums import Sums, gathered
from registry.models import RegisteredModel

MOST_HOURS = 168
USUAL_HOURS = 24
_SHARES = (0.0, 0.5, 0.95, 0.99, 1.0)


@dataclass
class ModelSums:
    """One model's requests: all of them, and by version number (None: refused before there was a version)."""

    sums: Sums = field(default_factory=Sums)
    versions: dict[int | None, Sums] = field(default_factory=dict)


@dataclass(frozen=True)
class Traffic:
    """The requests from `since` on; every visible model has an entry, by name. `steps` are told by their
    start, if they were asked for."""

    hours: int
    since: datetime
    until: datetime
    resolution: Resolution
    totals: Sums
    models: dict[str, ModelSums]
    steps: dict[datetime, Sums]


def traffic(
    user: Any, *, only: Collection[str] | None = None, hours: int = USUAL_HOURS, with_steps: bool = False
) -> Traffic:
    """The last `hours`, rounded up to whole steps, of the models that `user` may see (`only` those names, if given)."""
    until = timezone.now()
    resolution = _resolution(hours)
    first = int((until - timedelta(hours=hours)).timestamp()) // resolution * resolution
    since = datetime.fromtimestamp(first, until.tzinfo)
    visible = RegisteredModel.objects.visible_to(user)
    names = dict((visible if only is None else visible.filter(name__in=only)).values_list("pk", "name"))
    found = Traffic(hours, since, until, resolution, Sums(), {name: ModelSums() for name in sorted(names.values())}, {})
    _fill(found, names, with_steps=with_steps)
    return found


def _resolution(hours: int) -> Resolution:
    """Some hundred steps at most."""
    if hours <= 2:
        return Resolution.MINUTE
    return Resolution.QUARTER if hours <= 48 else Resolution.HOUR


def _fill(found: Traffic, names: dict[int, str], *, with_steps: bool) -> None:
    rows = Rollup.objects.filter(
        resolution=found.resolution, start__gte=found.since, start__lte=found.until, model_id__in=list(names)
    )
    for (model_id, number), sums in gathered(rows, "model_id", "version__number").items():
        model = found.models[names[model_id]]
        for group in (found.totals, model.sums, model.versions.setdefault(number, Sums())):
            group.add(sums)
    if with_steps:
        found.steps.update({start: sums for (start,), sums in gathered(rows, "start").items()})


def as_facts(sums: Sums) -> dict[str, Any]:
    """Counts and latencies on the wire; rates and latencies are None without requests.

    All but the mean are read from a histogram: within 4.5 % of the exact ones.
    """
    lowest, p50, p95, p99, highest = histogram.percentiles(sums.counts, _SHARES)
    return {
        "prediction_count": sums.requests,
        "instance_count": sums.instances,
        "error_count": sums.failures,
        "error_rate": sums.error_rate,
        "outcomes": dict(sorted(sums.outcomes.items())),
        "latency_ms": {
            "avg": sums.mean_ms, "min": lowest, "max": highest, "p50": p50, "p95": p95, "p99": p99,
        },
    }  # fmt: skip


def report(found: Traffic) -> dict[str, Any]:
    """The body of the statistics: totals, and each model with its versions."""
    return {
        "scope": "cluster",
        "hours": found.hours,
        "since": found.since,
        "until": found.until,
        "totals": as_facts(found.totals),
        "models": {name: _model_facts(model) for name, model in found.models.items()},
    }


def series(found: Traffic) -> list[dict[str, Any]]:
    """The steps in which there were requests, oldest first."""
    return [{"start": start, **as_facts(found.steps[start])} for start in sorted(found.steps)]


def _model_facts(model: ModelSums) -> dict[str, Any]:
    numbers = sorted(number for number in model.versions if number is not None)
    return {
        **as_facts(model.sums),
        "versions": {str(number): as_facts(model.versions[number]) for number in numbers},
    }
