"""A bounded sample of a version's answered requests in a span of time, drawn without reading the span."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum

from monitoring.drift import profile, rows
from monitoring.drift.profile import Feature
from monitoring.drift.rows import Columns
from monitoring.models import Outcome, PredictionLog, Resolution, Rollup
from registry.models import ModelVersion

ANSWERS = (Outcome.OK, Outcome.CACHED)
DRAWS = 40
"""Into how many draws a span is divided that holds more than is looked at."""


@dataclass(frozen=True)
class Window:
    """What was seen of a span: `requests` were answered in it, `seen` of them were looked at."""

    since: datetime
    until: datetime
    requests: int
    seen: int
    inputs: Columns = field(default_factory=dict)
    predictions: Columns = field(default_factory=dict)
    confidences: list[float] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """The most rows that any feature has."""
        columns = [*self.inputs.values(), *self.predictions.values(), self.confidences]
        return max((len(column) for column in columns), default=0)

    def profile(self, like: list[Feature] | None = None) -> tuple[list[Feature], list[str]]:
        """The features of what was seen, of the same kinds as those of another profile, if one is given."""
        kinds = None if like is None else profile.kinds(like)
        return profile.make(self.inputs, self.predictions, self.confidences, like=kinds)


def look(version: ModelVersion, *, since: datetime, until: datetime, most: int) -> Window:
    """At most about `most` answered requests of a version.

    A span with more than that is drawn from: DRAWS times a quarter of an hour is chosen with a chance in proportion to
    its traffic (the rollups know it), and the records that follow a random moment in it are taken. Each draw reads one
    stretch of an index, so the cost depends on `most`, never on the traffic.
    """
    requests, quarters = _traffic(version, since, until)
    whole = PredictionLog.objects.filter(version=version, outcome__in=ANSWERS)
    needed = ("id", "input", "output", "confidence", "instance_count")
    if requests <= most:
        found = whole.filter(created_at__gte=since, created_at__lt=until).order_by("created_at")
        records = list(found.values_list(*needed)[: most + DRAWS])
    else:
        chosen: dict[Any, tuple[Any, ...]] = {}
        for start, end in _stretches(version, since, until, quarters):
            found = whole.filter(created_at__gte=start, created_at__lt=end).order_by("created_at")
            chosen.update((record[0], record) for record in found.values_list(*needed)[: -(-most // DRAWS)])
        records = list(chosen.values())
    return _read(version, since, until, requests, records)


def _traffic(version: ModelVersion, since: datetime, until: datetime) -> tuple[int, dict[datetime, int]]:
    """Answered requests of the quarters of an hour that touch the span."""
    quarter = timedelta(seconds=Resolution.QUARTER)
    found = (
        Rollup.objects.filter(
            resolution=Resolution.QUARTER, model=version.model_id, version=version, outcome__in=ANSWERS,
            start__gt=since - quarter, start__lt=until,
        )
        .values("start").annotate(requests=Sum("requests")).order_by("start")
    )  # fmt: skip
    quarters = {row["start"]: row["requests"] for row in found}
    return sum(quarters.values()), quarters


def _stretches(
    version: ModelVersion, since: datetime, until: datetime, quarters: dict[datetime, int]
) -> Iterator[tuple[datetime, datetime]]:
    """DRAWS random moments, each with the end of its quarter; the same ones for the same version and span."""
    chance = random.Random(f"{version.pk} {until.isoformat()}")  # noqa: S311 - a sample, no secret
    starts = chance.choices(list(quarters), weights=list(quarters.values()), k=DRAWS)
    for start in sorted(starts):
        first = max(since, start)
        last = min(until, start + timedelta(seconds=Resolution.QUARTER))
        yield first + (last - first) * chance.random() * 0.9, last


def _read(
    version: ModelVersion, since: datetime, until: datetime, requests: int, records: list[tuple[Any, ...]]
) -> Window:
    signature = version.signature or {}
    predictions, confidences = rows.predictions_of(record[2] for record in records)
    # Where outputs are not kept, the confidence of a single prediction still is.
    confidences += [record[3] for record in records if record[2] is None and record[3] is not None]
    return Window(
        since=since,
        until=until,
        requests=max(requests, len(records)),
        seen=len(records),
        inputs=rows.inputs_of((record[1] for record in records if record[1] is not None), signature),
        predictions=as_categories(predictions) if signature.get("task") == "classification" else predictions,
        confidences=confidences,
    )


def as_categories(columns: Columns) -> Columns:
    """Classes as texts, so that 0 and 1 are no quantities."""
    return {name: [None if c is None else profile.text_of(c) for c in cells] for name, cells in columns.items()}
