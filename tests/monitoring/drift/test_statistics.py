"""The statistics agree with scipy, with published numbers and with their formulas."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from monitoring.drift import statistics

counts = st.lists(st.integers(0, 200), min_size=2, max_size=12).filter(lambda cells: sum(cells) > 0)


def two(draw_from: st.SearchStrategy[list[int]] = counts) -> st.SearchStrategy[tuple[list[int], list[int]]]:
    """Two rows of counts of the same length."""
    return st.integers(2, 10).flatmap(
        lambda size: st.tuples(
            *[st.lists(st.integers(0, 200), min_size=size, max_size=size).filter(lambda cells: sum(cells) > 0)] * 2
        )
    )


def test_psi_is_the_sum_that_the_textbook_has() -> None:
    """Shares 30, 40, 30 % against 20, 50, 30 %: 0.1 ln(3/2) + 0.1 ln(5/4)."""
    assert statistics.psi([30, 40, 30], [20, 50, 30]) == pytest.approx(0.1 * math.log(1.5) + 0.1 * math.log(1.25))


@given(cells=two())
def test_psi_is_both_relative_entropies_together(cells: tuple[list[int], list[int]]) -> None:
    before, after = ([max(cell, 1) for cell in row] for row in cells)
    p, q = np.array(before) / sum(before), np.array(after) / sum(after)

    assert statistics.psi(before, after) == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p), abs=1e-9)


@given(cells=two())
def test_psi_is_never_negative_symmetric_and_zero_for_equals(cells: tuple[list[int], list[int]]) -> None:
    before, after = cells

    assert statistics.psi(before, after) >= 0.0
    assert statistics.psi(before, after) == pytest.approx(statistics.psi(after, before))
    assert statistics.psi(before, before) == 0.0


@given(cells=two())
def test_jensen_shannon_is_scipys_and_between_0_and_1(cells: tuple[list[int], list[int]]) -> None:
    found = statistics.jensen_shannon(*cells)

    wanted = jensenshannon(*cells, base=2)
    assert found == pytest.approx(0.0 if math.isnan(wanted) else wanted, abs=1e-12)
    assert 0.0 <= found <= 1.0 + 1e-9


def test_jensen_shannon_of_rows_with_nothing_in_common_is_1() -> None:
    assert statistics.jensen_shannon([5, 0], [0, 3]) == pytest.approx(1.0)


@given(
    before=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60),
    after=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60),
)
def test_kolmogorov_smirnov_is_the_largest_distance(before: list[float], after: list[float]) -> None:
    distance, p_value = statistics.kolmogorov_smirnov(before, after)

    at = sorted({*before, *after})
    gaps = [abs(sum(x <= v for x in before) / len(before) - sum(x <= v for x in after) / len(after)) for v in at]
    assert distance == pytest.approx(max(gaps))
    assert 0.0 <= p_value <= 1.0
    assert p_value == pytest.approx(stats.ks_2samp(before, after, method="asymp").pvalue)


def test_chi_square_is_scipys_where_every_cell_is_large() -> None:
    before, after = [40, 60, 100], [70, 50, 80]

    assert statistics.chi_square(before, after) == pytest.approx(
        stats.chi2_contingency([before, after], correction=False).pvalue
    )


@given(cells=two())
def test_cells_that_expect_too_little_are_put_together(cells: tuple[list[int], list[int]]) -> None:
    before, after = cells
    left, right = statistics.merged(before, after)

    assert (sum(left), sum(right)) == (sum(before), sum(after))
    if len(left) > 1:
        assert stats.contingency.expected_freq([left, right]).min() >= statistics.LEAST_EXPECTED - 1e-9
        found = statistics.chi_square(before, after)
        assert found is not None
        assert 0.0 <= found <= 1.0
    else:
        assert statistics.chi_square(before, after) is None


@given(values=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300).map(sorted))
def test_bins_hold_every_value_once(values: list[float]) -> None:
    inner = statistics.edges(values)

    assert sum(statistics.binned(values, inner)) == len(values)
    assert inner == sorted(set(inner))
    assert all(count > 0 for count in statistics.binned(values, inner))


def test_bins_hold_equal_parts_of_the_reference() -> None:
    values = [float(value) for value in range(1000)]

    assert statistics.binned(values, statistics.edges(values)) == [100] * 10
    assert len(statistics.edges([float(value) for value in range(50)])) == 4
