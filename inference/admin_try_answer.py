"""An answer as the try-it page shows it."""

from dataclasses import dataclass
from typing import Any

from inference.explaining import Explanation, NotExplained
from inference.explaining.chart import Chart, chart_of
from inference.handlers.base import Predictions
from inference.predictor import Answer

_SHOWN_BARS = 10
_SHOWN_ANSWERS = 100


@dataclass(frozen=True, slots=True)
class Bar:
    """One class and its probability."""

    label: str
    percent: float
    is_first: bool


@dataclass(frozen=True, slots=True)
class Told:
    """An answer as the page shows it."""

    answer: Answer
    total_ms: float
    bars: list[Bar]
    more_bars: int
    lines: list[tuple[int, Any, float | None]]
    chart: Chart | None = None
    no_chart: str = ""

    @property
    def first(self) -> Any:
        return self.answer.predictions.predictions[0]

    @property
    def count(self) -> int:
        return len(self.answer.predictions.predictions)


def told_by(answer: Answer, total_ms: float) -> Told:
    """`answer`, which took `total_ms` from the form to the record."""
    told = answer.predictions
    confidence = told.confidence or [None] * len(told.predictions)
    lines = list(zip(range(len(told.predictions)), told.predictions, confidence, strict=True))
    bars = _bars(told)
    explained = answer.explanation
    chart = chart_of(explained.to_dict()) if isinstance(explained, Explanation) else None
    return Told(
        answer,
        total_ms,
        bars[:_SHOWN_BARS],
        max(0, len(bars) - _SHOWN_BARS),
        lines[:_SHOWN_ANSWERS],
        chart,
        explained.words if isinstance(explained, NotExplained) else "",
    )


def _bars(told: Predictions) -> list[Bar]:
    """The classes by probability, for one row; the first is the likeliest."""
    if len(told.predictions) != 1 or not told.probabilities or not told.classes:
        return []
    pairs = zip(told.classes, told.probabilities[0], strict=False)
    known = sorted(((label, share) for label, share in pairs if share is not None), key=lambda pair: -pair[1])
    return [Bar(str(label), 100 * share, at == 0) for at, (label, share) in enumerate(known)]
