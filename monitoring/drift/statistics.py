"""The statistics of drift, by scipy where it has them. Pure numbers."""

import math
from bisect import bisect_right
from collections.abc import Sequence

SMALLEST_SHARE = 1e-4
"""Empty cells count as this share in PSI, as is usual: the logarithm of nothing is not a number."""
LEAST_EXPECTED = 5.0
"""Cells of a chi-square test whose expected count is smaller are put together (Cochran 1954)."""
MOST_BINS, LEAST_IN_BIN = 10, 10


def psi(reference: Sequence[float], now: Sequence[float]) -> float:
    """Population stability index of two rows of counts: the sum of (q - p) ln(q / p) (Siddiqi 2006; the symmetric
    divergence of Jeffreys 1946). 0 for equal shares; under 0.1 is usually called stable, over 0.25 a large shift.
    """
    whole, other = sum(reference), sum(now)
    total = 0.0
    for expected, found in zip(reference, now, strict=True):
        p, q = max(expected / whole, SMALLEST_SHARE), max(found / other, SMALLEST_SHARE)
        total += (q - p) * math.log(q / p)
    return total


def jensen_shannon(reference: Sequence[float], now: Sequence[float]) -> float:
    """The Jensen-Shannon distance (root of the divergence to base 2) of two rows of counts: 0 equal, 1 disjoint."""
    from scipy.spatial.distance import jensenshannon

    found = float(jensenshannon(reference, now, base=2))
    return 0.0 if math.isnan(found) else found  # rounding may take the root of a tiny negative number


def kolmogorov_smirnov(reference: Sequence[float], now: Sequence[float]) -> tuple[float, float]:
    """The largest distance between two empirical distributions, and its asymptotic two-sided p-value."""
    from scipy.stats import ks_2samp

    found = ks_2samp(reference, now, method="asymp")
    return float(found.statistic), float(found.pvalue)


def chi_square(reference: Sequence[float], now: Sequence[float]) -> float | None:
    """The p-value of Pearson's test that both rows of counts come from one distribution, rare cells put together.

    None where only one cell is left.
    """
    from scipy.stats import chi2_contingency

    left, right = merged(reference, now)
    if len(left) < 2:
        return None
    return float(chi2_contingency([left, right], correction=False).pvalue)


def merged(reference: Sequence[float], now: Sequence[float]) -> tuple[list[float], list[float]]:
    """Both rows with the cells put together that a chi-square test would expect too little in."""
    whole, other = sum(reference), sum(now)
    smaller = min(whole, other) / (whole + other)
    cells = sorted(zip(reference, now, strict=True), key=sum, reverse=True)
    kept = [cell for cell in cells if sum(cell) * smaller >= LEAST_EXPECTED]
    rest = cells[len(kept) :]
    pooled = (sum(cell[0] for cell in rest), sum(cell[1] for cell in rest))
    if sum(pooled) * smaller >= LEAST_EXPECTED or not kept:
        kept.append(pooled)
    else:
        last = kept.pop()
        kept.append((last[0] + pooled[0], last[1] + pooled[1]))
    return [cell[0] for cell in kept], [cell[1] for cell in kept]


def edges(values: Sequence[float]) -> list[float]:
    """The inner edges of bins that hold equal parts of sorted `values`: MOST_BINS, fewer where there are few values."""
    bins = max(2, min(MOST_BINS, len(values) // LEAST_IN_BIN))
    inner = {values[min(len(values) - 1, round(len(values) * at / bins))] for at in range(1, bins)}
    return sorted(edge for edge in inner if edge > values[0])


def binned(values: Sequence[float], inner: Sequence[float]) -> list[int]:
    """How many of `values` fall between the edges: the first bin ends below the first edge, the last has no end."""
    counts = [0] * (len(inner) + 1)
    for value in values:
        counts[bisect_right(inner, value)] += 1
    return counts
