"""The charts of how often: nothing is lost in them, and nothing stands outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring import histogram
from monitoring.answers import Answers
from monitoring.pages import distributions
from monitoring.sums import Sums

_LATENCIES = st.lists(st.floats(0, 200_000), min_size=1, max_size=60)


@given(_LATENCIES)
def test_every_request_is_in_a_bar_and_every_mark_in_the_plot(latencies: list[float]) -> None:
    sums = Sums({"ok": len(latencies)})
    for latency in latencies:
        bucket = histogram.bucket_of(latency)
        sums.counts[bucket] = sums.counts.get(bucket, 0) + 1
    chart = distributions.latencies(sums)
    assert chart is not None
    assert sum(int(line.cells[0].replace(",", "")) for line in chart.lines) == len(latencies)
    assert all(0 <= mark.place <= 100 for mark in chart.marks)
    assert [mark.place for mark in chart.marks] == sorted(mark.place for mark in chart.marks)
    assert all(0 <= tick.place < 92 for tick in chart.ticks or ())


def test_a_percentile_stands_in_the_bar_that_holds_it() -> None:
    sums = Sums({"ok": 1}, counts={histogram.bucket_of(5.0): 1})
    chart = distributions.latencies(sums)
    assert chart is not None
    [hover] = chart.hovers
    for mark in chart.marks:
        assert float(hover.x) <= mark.place <= float(hover.x) + float(hover.width)


def test_confidences_are_stacked_by_version_the_newest_first() -> None:
    chart = distributions.confidences(Answers(confidences={1: {0: 1, 19: 2}, 2: {19: 5}, None: {3: 1}}))
    assert chart is not None
    assert [label for _, label in chart.legend] == ["version 2", "version 1", "no version"]
    assert chart.lines[-1].cells == ["7", "version 2: 5, version 1: 2"]
    assert "77.8 % of 9 answers" in chart.about


@pytest.mark.parametrize("chart", [distributions.latencies(Sums()), distributions.confidences(Answers())])
def test_without_anything_to_show_there_is_no_chart(chart: object) -> None:
    assert chart is None
