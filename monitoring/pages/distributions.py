"""Charts of how often: latencies on a logarithmic axis, confidences from 0 to 1."""

from monitoring import charts, histogram
from monitoring.answer_rollups import CONFIDENCE_STEPS
from monitoring.answers import Answers
from monitoring.charts import Tick
from monitoring.numbers import milliseconds, percent
from monitoring.pages.pictures import Chart, Hover, Line, Mark, coloured
from monitoring.sums import Sums

# Buckets of the histogram that are drawn as one bar: half a doubling.
_JOINED = histogram.PER_DOUBLING // 2
_MOST_TICKS = 7


def latencies(sums: Sums) -> Chart | None:
    """How many requests took how long, with the percentiles as lines; None without requests."""
    if not sums.counts:
        return None
    columns: dict[int, int] = {}
    for bucket, count in sums.counts.items():
        columns[-(-bucket // _JOINED)] = columns.get(-(-bucket // _JOINED), 0) + count
    first, last = min(columns) - 1, max(columns) + 1
    values = [columns.get(column, 0) for column in range(first, last + 1)]
    total = sum(values)
    scale = charts.count_scale(max(values))
    bounds = [(_bound(column - 1), _bound(column)) for column in range(first, last + 1)]
    places = charts.slots(len(values))
    told = [
        (f"{milliseconds(low)} to {milliseconds(high)}", f"{count:,}", percent(count / total))
        for (low, high), count in zip(bounds, values, strict=True)
    ]
    return Chart(
        key="latencies", title="Latency distribution", per="requests", scale=scale, head=["Requests", "Share"],
        about=f"Half of {total:,} requests within {milliseconds(sums.p50_ms)}, 99 % within {milliseconds(sums.p99_ms)}",
        bars=charts.stacked_bars(["ok"], [[count] for count in values], scale),
        hovers=[
            Hover(str(x), str(width), f"{span}: {count} requests, {share}")
            for (x, width), (span, count, share) in zip(places, told, strict=True) if count != "0"
        ],
        lines=[Line([count, share], span) for span, count, share in told if count != "0"],
        ticks=_ticks([low for low, _ in bounds]),
        marks=_marks(sums, first, len(values)),
        legend=[(name, f"{name} {milliseconds(value)}") for name, value in _percentiles(sums)],
    )  # fmt: skip


def _bound(column: int) -> float:
    """The upper bound in ms of a joined column."""
    return histogram.BOUNDS[max(0, min(column * _JOINED, len(histogram.BOUNDS) - 1))]


def _ticks(lows: list[float]) -> list[Tick]:
    """Evenly spread; none so far to the right that it would leave the card."""
    every = -(-len(lows) // _MOST_TICKS)
    places = [(round(100.0 * at / len(lows), 3), low) for at, low in enumerate(lows) if at % every == 0]
    return [Tick(place, milliseconds(low)) for place, low in places if place < 92]


def _percentiles(sums: Sums) -> list[tuple[str, float | None]]:
    return list(zip(("p50", "p95", "p99"), sums.percentiles, strict=True))


def _marks(sums: Sums, first: int, columns: int) -> list[Mark]:
    """Where the percentiles lie on the axis."""
    found = []
    for name, value in _percentiles(sums):
        if value is not None:
            column = histogram.bucket_of(value) / _JOINED
            place = 100.0 * (column - first + 1 - 0.5 / _JOINED) / columns
            found.append(Mark(round(min(100.0, max(0.0, place)), 3), f"{name} {milliseconds(value)}", name))
    return found


def confidences(answers: Answers) -> Chart | None:
    """How sure the model was, stacked by version; None when it never said."""
    if not answers.confidences:
        return None
    numbers = sorted(answers.confidences, key=lambda number: number or 0, reverse=True)
    names = {number: f"version {number}" if number else "no version" for number in numbers}
    colours = coloured([names[number] for number in numbers])
    values = [[answers.confidences[number].get(step, 0) for number in numbers] for step in range(CONFIDENCE_STEPS)]
    total = sum(map(sum, values))
    scale = charts.count_scale(max(map(sum, values)))
    sure = sum(map(sum, values[int(0.9 * CONFIDENCE_STEPS) :]))
    told = [
        (
            f"{step / CONFIDENCE_STEPS:.2f} to {(step + 1) / CONFIDENCE_STEPS:.2f}",
            ", ".join(f"{names[n]}: {count:,}" for n, count in zip(numbers, counts, strict=True) if count),
            f"{sum(counts):,}",
        )
        for step, counts in enumerate(values)
    ]
    return Chart(
        key="confidences", title="Confidence distribution", per="answers", scale=scale, head=["Answers", "By version"],
        about=f"{percent(sure / total)} of {total:,} answers had a confidence of 0.9 or more",
        bars=charts.stacked_bars([colours[names[number]] for number in numbers], values, scale),
        hovers=[
            Hover(str(x), str(width), f"{span}: {count} answers, {by_version}")
            for (x, width), (span, by_version, count) in zip(charts.slots(len(told)), told, strict=True) if by_version
        ],
        lines=[Line([count, by_version], span) for span, by_version, count in told if by_version],
        ticks=[Tick(float(place), f"{place / 100:g}") for place in (0, 20, 40, 60, 80)],
        legend=[(colours[names[number]], names[number]) for number in numbers[:8]],
    )  # fmt: skip
