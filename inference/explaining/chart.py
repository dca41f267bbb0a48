"""An explanation as a small chart: bars to the right of what speaks for the answer, to the left of what speaks
against it. Made of the plain form (`Explanation.to_dict`), which is also what records keep."""

from dataclasses import dataclass
from typing import Any

from registry.findings import cell

MOST_BARS = 10
HALF = 50.0  # the middle of the chart, in percent of its width
ANOMALY = "log2 of the anomaly score"  # speaks for an outlier, whatever the answer is
UNITS = {
    "value": "the predicted value",
    "log of the value": "the logarithm of the predicted value",
    "log-odds": "log-odds",
    "probability": "probability",
    "score": "the model’s score",
    ANOMALY: "the logarithm (base 2) of the anomaly score",
}
BASELINES = {
    "training rows": "the training rows on average",
    "sample rows": "the sample rows on average",
    "zero": "a row of zeros",
    "empty text": "an empty text",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One input's part: where its bar begins and how long it is, in percent of the chart."""

    name: str
    value: str
    moved: str
    x: float
    width: float
    is_for: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """of: the class spoken for, "" for a number. rest: the sum of what has no bar, "" when that is nothing."""

    of: str
    unit: str
    baseline: str
    base: str
    margin: str
    bars: list[Bar]
    rest: str
    is_text: bool


def chart_of(told: Any, row: int = 0) -> Chart | None:
    """The chart of one row; None when there is nothing to draw, or the form is another."""
    try:
        one, unit, baseline = told["rows"][row], str(told["unit"]), str(told["baseline"])
        parts = [(str(part["name"]), part["value"], float(part["contribution"])) for part in one["contributions"]]
        bars = _bars(parts[:MOST_BARS])
        rest = float(one["rest"]) + sum(part[2] for part in parts[MOST_BARS:])
        return Chart(
            "an outlier" if unit == ANOMALY else "" if one["of"] is None else str(one["of"]),
            UNITS.get(unit, unit),
            BASELINES.get(baseline, baseline),
            _number(float(one["base"])),
            _number(float(one["margin"])),
            bars,
            _signed(rest) if rest else "",
            told["method"] == "linear_text",
        )
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def _bars(parts: list[tuple[str, Any, float]]) -> list[Bar]:
    longest = max((abs(moved) for *_, moved in parts), default=0.0) or 1.0
    bars = []
    for name, value, moved in parts:
        width = round(HALF * abs(moved) / longest, 2)
        bars.append(
            Bar(name, cell(value), _signed(moved), HALF if moved >= 0 else round(HALF - width, 2), width, moved >= 0)
        )
    return bars


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _signed(value: float) -> str:
    return f"{value:+.4g}".replace("-", "−")
