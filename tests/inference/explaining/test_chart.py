"""The chart of an explanation: from its plain form, whatever was recorded."""

from typing import Any

import pytest

from inference.explaining import Contribution, Explanation, RowExplanation
from inference.explaining.chart import MOST_BARS, chart_of


def told(*parts: tuple[str, float], unit: str = "log-odds", of: Any = "yes", rest: float = 0.0) -> dict[str, Any]:
    contributions = tuple(Contribution(name, 1.5, moved) for name, moved in parts)
    row = RowExplanation(of, -0.5, 2.0, contributions, rest)
    return Explanation("linear", unit, "zero", True, (row,)).to_dict()


def test_the_longest_bar_fills_its_half_and_what_speaks_against_goes_left() -> None:
    chart = chart_of(told(("age", 2.0), ("plan", -1.0)))
    assert chart is not None
    first, second = chart.bars

    assert (first.x, first.width, first.is_for, first.moved) == (50.0, 50.0, True, "+2")
    assert (second.x, second.width, second.is_for, second.moved) == (25.0, 25.0, False, "−1")
    assert (chart.of, chart.base, chart.margin, chart.rest) == ("yes", "−0.5", "2", "")


def test_what_has_no_bar_is_in_the_rest() -> None:
    chart = chart_of(told(*((f"c{at}", 1.0) for at in range(MOST_BARS + 3)), rest=0.5))
    assert chart is not None

    assert (len(chart.bars), chart.rest) == (MOST_BARS, "+3.5")


def test_a_forest_of_isolation_speaks_for_an_outlier_and_a_number_for_nothing() -> None:
    outlier, number = chart_of(told(unit="log2 of the anomaly score", of=-1)), chart_of(told(unit="value", of=None))
    assert outlier is not None
    assert number is not None

    assert (outlier.of, number.of, number.bars) == ("an outlier", "", [])


@pytest.mark.parametrize("other", [None, [], "x", {}, {"rows": []}, {**told(), "rows": [{}]}, {**told(), "rows": 3}])
def test_another_form_draws_nothing(other: Any) -> None:
    assert chart_of(other) is None
