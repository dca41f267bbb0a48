"""The headline measure of a model's newest versions by day, as places in a chart."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from monitoring import charts
from monitoring.outcomes.measures import Measure
from monitoring.outcomes.quality import Report, VersionQuality

SERIES = 3
"""Versions that are drawn: the newest ones with labels."""


@dataclass(frozen=True, slots=True)
class Line:
    """One version in the chart."""

    series: str
    label: str
    curve: charts.Curve
    band: str


def drawn(report: Report) -> list[VersionQuality]:
    """The versions that are drawn; all by the same measure."""
    known = [version for version in report.versions if version.headline]
    return [v for v in known if v.headline and known[0].headline and v.headline.name == known[0].headline.name][:SERIES]


def lines(report: Report) -> list[Line]:
    """The headline measure of each drawn version by day, with its interval as a band."""
    scale = scale_of(report)
    found = []
    for series, version in zip(("p50", "p95", "p99"), drawn(report), strict=False):
        assert version.headline
        by_day = {day: one.get(version.headline.name) for day, one in version.days}
        measures = [by_day.get(day) for day in report.days]
        values = [measure.value if measure else None for measure in measures]
        curve = charts.curve(series, values, scale)
        found.append(Line(series, f"Version {version.number}", curve, _band(measures, scale)))
    return found


def _band(measures: list[Measure | None], scale: charts.Scale) -> str:
    """A bar from the lower to the upper end of each day's interval."""
    slot = 100.0 / max(1, len(measures))
    pieces = []
    for at, measure in enumerate(measures):
        if measure and measure.low is not None and measure.high is not None:
            top = 100.0 - scale.height(min(measure.high, scale.top))
            height = scale.height(min(measure.high, scale.top)) - scale.height(measure.low)
            x, width = (at + 0.5) * slot - slot * 0.2, slot * 0.4
            pieces.append(f"M{x:.3f} {top:.3f}h{width:.3f}v{height:.3f}h-{width:.3f}z")
    return "".join(pieces)


def scale_of(report: Report) -> charts.Scale:
    versions = drawn(report)
    if versions and versions[0].headline and versions[0].headline.name == "accuracy":
        return charts.Scale(1.0, [charts.Tick(100.0 - 25.0 * at, f"{25 * at} %") for at in range(5)])
    values = [
        measure.value
        for version in versions
        for _, one in version.days
        if version.headline and (measure := one.get(version.headline.name)) and measure.value is not None
    ]
    return charts.value_scale(1.25 * max(values, default=1.0))


def ticks(report: Report) -> list[tuple[float, date]]:
    every = max(1, len(report.days) // 6)
    return [(round(100.0 * at / len(report.days), 3), report.days[at]) for at in range(0, len(report.days), every)][:7]


def markers(report: Report) -> list[dict[str, Any]]:
    first = datetime.combine(report.first, datetime.min.time(), UTC)
    whole = timedelta(days=len(report.days))
    return [
        {"place": round(100.0 * ((change.at - first) / whole), 3), "change": change}
        for change in report.changes
        if first <= change.at < first + whole
    ]
