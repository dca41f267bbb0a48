"""The geometry of charts: inside the plot, in proportion, whatever the numbers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring import charts

RECTANGLE = re.compile(r"M([0-9.-]+) ([0-9.-]+)h([0-9.]+)v([0-9.]+)h-[0-9.]+z")
counts = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=200)


@given(st.floats(0, 1e12, allow_nan=False))
def test_an_axis_reaches_the_largest_value_in_a_few_even_steps(largest: float) -> None:
    scale = charts.value_scale(largest)
    assert scale.top >= largest * (1 - 1e-6) or largest < 1e-9
    assert 2 <= len(scale.ticks) <= charts.TICKS + 2
    assert (scale.ticks[0].place, scale.ticks[-1].place) == (100.0, 0.0)


@pytest.mark.parametrize(("largest", "labels"), [(0, ["0", "1"]), (1, ["0", "1"]), (3, ["0", "1", "2", "3"])])
def test_counts_have_no_fractions_on_their_axis(largest: int, labels: list[str]) -> None:
    assert [tick.label for tick in charts.count_scale(largest).ticks] == labels


def test_axis_labels_are_round_and_short() -> None:
    assert [tick.label for tick in charts.value_scale(87_000).ticks] == ["0", "25k", "50k", "75k", "100k"]
    assert [tick.label for tick in charts.value_scale(0.037).ticks] == ["0", "0.01", "0.02", "0.03", "0.04"]


@given(counts)
def test_bars_stay_inside_the_plot_and_stack_to_the_total(values: list[tuple[int, int]]) -> None:
    scale = charts.count_scale(max((sum(pieces) for pieces in values), default=0))
    bars = charts.stacked_bars(["ok", "error"], values, scale)
    boxes = [tuple(map(float, box)) for series in bars for box in RECTANGLE.findall(series.path)]
    assert len(boxes) == sum(value > 0 for pieces in values for value in pieces)
    for x, y, width, height in boxes:
        assert x >= 0
        assert x + width <= 100.01
        assert y >= -0.01
        assert y + height <= 100.01
    expected = sum(100 * sum(pieces) / scale.top for pieces in values)
    assert sum(height for *_, height in boxes) == pytest.approx(expected, abs=0.01 * len(boxes) + 0.001)


def test_a_series_without_values_has_no_bars() -> None:
    scale = charts.count_scale(4)
    assert [bars.series for bars in charts.stacked_bars(["ok", "error"], [[4, 0], [1, 0]], scale)] == ["ok"]


def test_no_points_make_no_bars_and_an_empty_curve() -> None:
    scale = charts.value_scale(0)
    assert charts.stacked_bars(["ok"], [], scale) == []
    assert charts.curve("p50", [], scale) == charts.Curve("p50", "", [])
    assert charts.sparkline([]) == ""


def test_a_single_value_is_a_dot_in_the_middle_of_its_step() -> None:
    assert charts.curve("p50", [None, 5.0, None, None], charts.value_scale(10)).dots == [(37.5, 50.0)]


def test_a_curve_breaks_where_there_is_no_value() -> None:
    curve = charts.curve("p50", [1.0, 2.0, None, 2.0, 1.0, None, 4.0], charts.value_scale(4))
    assert curve.path.count("M") == 2
    assert len(curve.dots) == 1


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e6)), max_size=200))
def test_curves_hold_nothing_but_numbers_inside_the_plot(values: list[float | None]) -> None:
    scale = charts.value_scale(max((value for value in values if value is not None), default=0.0))
    curve = charts.curve("p50", values, scale)
    assert re.fullmatch(r"[ML0-9. -]*", curve.path)
    for number in re.findall(r"-?[0-9.]+", curve.path):
        assert -0.01 <= float(number) <= 100.01
    shown = curve.path.count("M") + curve.path.count("L") + len(curve.dots)
    assert shown == sum(value is not None for value in values)


@pytest.mark.parametrize("values", [[0], [5], [0, 0, 0], [1, 2, 3], [3, 0]])
def test_a_sparkline_spans_the_width_and_stays_inside(values: list[int]) -> None:
    path = charts.sparkline(values)
    numbers = [float(number) for number in re.findall(r"[0-9.]+", path)]
    assert all(0 <= number <= 100 for number in numbers)
    assert path.startswith("M0.0 ")


def test_a_place_outside_the_span_is_no_place() -> None:
    assert charts.place(5, 0, 10) == 50
    assert charts.place(11, 0, 10) is None
    assert charts.place(0, 0, 0) is None
