"""Charts whose horizontal axis is time: requests, latency, versions, classes, numbers, the cache."""

from collections.abc import Sequence

from monitoring import charts
from monitoring.answers import Answers
from monitoring.models import Outcome
from monitoring.numbers import milliseconds, percent
from monitoring.pages.pictures import COLOURS, REST, Chart, coloured, of_steps
from monitoring.selectors import Line, Overview

# From the bottom of the bars to their top.
SERIES = (Outcome.OK, Outcome.CACHED, Outcome.FALLBACK, Outcome.INVALID, Outcome.ERROR, Outcome.TIMEOUT)
PERCENTILES = ("p50", "p95", "p99")


def traffic(overview: Overview) -> Chart:
    """Requests per step, stacked by outcome."""
    points = overview.points
    values = [[point.sums.outcomes.get(outcome, 0) for outcome in SERIES] for point in points]
    scale = charts.count_scale(max((point.sums.requests for point in points), default=0))

    def counts(index: int) -> str:
        outcomes = points[index].sums.outcomes
        return ", ".join(f"{o.label.lower()}: {outcomes[o]:,}" for o in SERIES if outcomes.get(o))

    hovers, lines = of_steps(
        overview.window,
        lambda index: f"{points[index].sums.requests:,} requests, {counts(index)}",
        lambda index: [f"{points[index].sums.requests:,}", counts(index)],
        lambda index: points[index].sums.requests > 0,
    )
    return Chart(
        key="traffic", title="Requests", per=_per(overview), head=["Requests", "Outcomes"], lines=lines, hovers=hovers,
        about=f"{overview.totals.requests:,} requests, at most {_largest(values):,} per step",
        scale=scale, bars=charts.stacked_bars([o.value for o in SERIES], values, scale),
        legend=[(o.value, o.label) for at, o in enumerate(SERIES) if any(pieces[at] for pieces in values)],
    )  # fmt: skip


def latency(overview: Overview) -> Chart:
    """Percentiles of the latency per step."""
    points = overview.points
    values = [point.sums.percentiles for point in points]
    scale = charts.value_scale(max((value for step in values for value in step if value is not None), default=0.0))

    def told(index: int) -> list[str]:
        return [milliseconds(value) for value in values[index]]

    hovers, lines = of_steps(
        overview.window,
        lambda index: ", ".join(f"{name} {text}" for name, text in zip(PERCENTILES, told(index), strict=True)),
        lambda index: [*told(index), milliseconds(points[index].sums.mean_ms)],
        lambda index: points[index].sums.requests > 0,
    )
    return Chart(
        key="latency", title="Latency", per=f"percentiles per {_step_name(overview)}", unit=" ms", scale=scale,
        about=f"Median {milliseconds(overview.totals.p50_ms)}, 99th percentile {milliseconds(overview.totals.p99_ms)}",
        head=[*PERCENTILES, "Mean"], lines=lines, hovers=hovers,
        curves=[
            charts.curve(name, [step[at] for step in values], scale) for at, name in enumerate(PERCENTILES)
        ],
        legend=[(name, name) for name in PERCENTILES],
    )  # fmt: skip


def versions(overview: Overview) -> Chart:
    """Requests per step, stacked by version, the newest at the bottom."""
    by_name = {line.label: line for line in sorted(overview.lines, key=_version_number, reverse=True)}
    return _stacked(
        overview, "versions", "Versions over time", "Which version answered",
        {label: line.requests for label, line in by_name.items()},
    )  # fmt: skip


def _version_number(line: Line) -> int:
    number = line.label.rpartition(":")[2]
    return int(number) if number.isdigit() else 0


def classes(overview: Overview, answers: Answers) -> Chart | None:
    """Answers per step, stacked by class; None when no class was counted."""
    totals = answers.label_totals()
    if not totals:
        return None
    starts = overview.starts
    return _stacked(
        overview, "classes", "Classes over time", "What was answered",
        {label: [answers.labels.get(start, {}).get(label, 0) for start in starts] for label in totals},
    )  # fmt: skip


def _stacked(overview: Overview, key: str, title: str, about: str, counts: dict[str, Sequence[int]]) -> Chart:
    """A bar for each step; series beyond the first few are drawn as one, and told apart in the table."""
    colours = coloured(list(counts))
    series = list(dict.fromkeys(colours.values()))
    values = [
        [sum(column[at] for name, column in counts.items() if colours[name] == one) for one in series]
        for at in range(len(overview.starts))
    ]
    scale = charts.count_scale(_largest(values))

    def told(index: int) -> str:
        return ", ".join(f"{name or 'others'}: {column[index]:,}" for name, column in counts.items() if column[index])

    hovers, lines = of_steps(overview.window, told, lambda index: [told(index)], lambda index: any(values[index]))
    legend = [(colours[name], name or "others") for name in list(counts)[:COLOURS]]
    rest = max(0, len(counts) - COLOURS)
    if rest:
        legend.append((REST, f"{rest} more"))
    shares = ", ".join(f"{name or 'others'} {sum(column):,}" for name, column in list(counts.items())[:COLOURS])
    return Chart(
        key=key, title=title, per=_per(overview), about=f"{about}: {shares}", scale=scale, head=["Counts"],
        lines=lines, hovers=hovers, bars=charts.stacked_bars(series, values, scale), legend=legend,
    )  # fmt: skip


def numbers(overview: Overview, answers: Answers) -> Chart | None:
    """Mean, least and largest numeric answer per step; None when there was none, or one below zero.

    The axis begins at 0, which answers below it would leave.
    """
    steps = [answers.numbers.get(start) for start in overview.starts]
    known = [step for step in steps if step]
    if not known or min(step[2] for step in known) < 0:
        return None
    scale = charts.value_scale(max(step[3] for step in known))
    rows = [(None, None, None) if not step else (step[1] / step[0], step[2], step[3]) for step in steps]
    names = ("mean", "least", "largest")

    def told(index: int) -> list[str]:
        return [f"{value:,.4g}" if value is not None else "–" for value in rows[index]]

    hovers, lines = of_steps(
        overview.window,
        lambda index: ", ".join(f"{name} {text}" for name, text in zip(names, told(index), strict=True)),
        told,
        lambda index: bool(steps[index]),
    )
    count, total = sum(step[0] for step in known), sum(step[1] for step in known)
    return Chart(
        key="numbers", title="Answers over time", per=f"per {_step_name(overview)}", scale=scale,
        about=f"{count:,.0f} numeric answers, {total / count:,.4g} on average", head=["Mean", "Least", "Largest"],
        lines=lines, hovers=hovers, legend=[("p50", "mean"), ("p95", "least"), ("p99", "largest")],
        curves=[
            charts.curve(series, [row[at] for row in rows], scale)
            for at, series in enumerate(("p50", "p95", "p99"))
        ],
    )  # fmt: skip


def cache(overview: Overview) -> Chart | None:
    """Share of the answers that came from the cache; None when it was of no use."""
    shares = [point.sums.cached_share for point in overview.points]
    if not any(shares):
        return None
    scale = charts.value_scale(100.0)
    hovers, lines = of_steps(
        overview.window,
        lambda index: f"{percent(shares[index])} from the cache",
        lambda index: [percent(shares[index])],
        lambda index: shares[index] is not None,
    )
    return Chart(
        key="cache", title="From the cache", per="of all answers", unit=" %", scale=scale, head=["Share"],
        about=f"{percent(overview.totals.cached_share)} of all answers", lines=lines, hovers=hovers,
        curves=[charts.curve("p50", [None if value is None else 100 * value for value in shares], scale)],
    )  # fmt: skip


def _largest(values: Sequence[Sequence[int]]) -> int:
    return max((sum(column) for column in values), default=0)


def _step_name(overview: Overview) -> str:
    return overview.window.resolution.label.lower()


def _per(overview: Overview) -> str:
    return f"per {_step_name(overview)}"
