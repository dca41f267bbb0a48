"""Histograms that can be added, and percentiles within the stated error."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitoring import histogram

latencies = st.lists(st.floats(histogram.BOUNDS[0], histogram.BOUNDS[-1]), min_size=1, max_size=300)


def counts_of(values: list[float]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value in values:
        bucket = histogram.bucket_of(value)
        counts[bucket] = counts.get(bucket, 0) + 1
    return counts


@given(latencies, st.floats(0, 1))
def test_a_percentile_lies_within_the_stated_error(values: list[float], share: float) -> None:
    exact = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
    estimate = histogram.percentile(counts_of(values), share)
    assert estimate == pytest.approx(exact, rel=histogram.MAX_RELATIVE_ERROR)


@given(latencies, latencies)
def test_adding_histograms_equals_the_histogram_of_all(left: list[float], right: list[float]) -> None:
    counts = counts_of(left)
    histogram.add(counts, histogram.from_counts(counts_of(right)))
    assert counts == counts_of(left + right)


def packed(*several: dict[int, int]) -> list[str]:
    return histogram.added([""] * len(several), several)


counted = st.dictionaries(st.integers(0, histogram.BUCKETS - 1), st.integers(1, 2**40 - 1), max_size=200)


@given(st.lists(counted, max_size=12), st.sampled_from((0, 10**9)))
def test_packed_histograms_one_after_another_are_their_sum(several: list[dict[int, int]], much: int) -> None:
    wanted: dict[int, int] = {}
    for counts in several:
        histogram.merge(wanted, counts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histogram, "_MUCH", much)  # by numpy, and by a loop
        assert histogram.unpacked("".join(packed(*several))) == wanted


@given(st.lists(st.tuples(counted, counted), max_size=8))
def test_counts_are_added_to_many_packed_histograms_at_once(pairs: list[tuple[dict[int, int], dict[int, int]]]) -> None:
    wanted = []
    for held, change in pairs:
        counts = dict(held)
        histogram.merge(counts, change)
        wanted.append(counts)
    assume(all(count < 2**40 for counts in wanted for count in counts.values()))
    added = histogram.added(packed(*(held for held, _ in pairs)), [change for _, change in pairs])
    assert [histogram.unpacked(text) for text in added] == wanted
    assert added == packed(*wanted), "the same text for the same counts"


@given(latencies)
def test_the_json_array_keeps_every_count(values: list[float]) -> None:
    counts: dict[int, int] = {}
    histogram.add(counts, histogram.from_counts(counts_of(values)))
    assert counts == counts_of(values)


def test_an_empty_histogram_is_an_empty_array_and_has_no_percentile() -> None:
    assert histogram.from_counts({}) == []
    assert histogram.percentile({}, 0.5) is None
    counts: dict[int, int] = {}
    histogram.add(counts, [])
    assert counts == {}


@pytest.mark.parametrize(
    ("latency", "answer"),
    [(0.0, 0.01), (0.001, 0.01), (1e9, histogram.BOUNDS[-1]), (math.inf, histogram.BOUNDS[-1])],
)
def test_latencies_beyond_the_bounds_are_answered_with_the_bounds(latency: float, answer: float) -> None:
    assert histogram.percentile(counts_of([latency]), 0.99) == answer


def test_the_buckets_reach_from_a_hundredth_of_a_millisecond_to_over_a_minute() -> None:
    assert histogram.BOUNDS[0] == 0.01
    assert histogram.BOUNDS[-1] > 60_000
    assert histogram.bucket_of(histogram.BOUNDS[-1] + 1) == histogram.BUCKETS - 1
