"""Measures from sums agree with scikit-learn on the same data, and their intervals hold what they promise."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics

from monitoring.outcomes import measures
from monitoring.outcomes.sums import Moments, Sums

pairs = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1, max_size=60)


def of_pairs(told: list[tuple[str, str]]) -> measures.Quality:
    return measures.of(Sums(labels=len(told), confusion=dict(Counter(told))))


def value(quality: measures.Quality, name: str) -> Any:
    found = quality.get(name)
    assert found is not None
    return found.value


@given(told=pairs)
def test_classification_agrees_with_scikit_learn(told: list[tuple[str, str]]) -> None:
    said, true = [pair[0] for pair in told], [pair[1] for pair in told]
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(true, said, average="macro", zero_division=0)

    quality = of_pairs(told)

    assert value(quality, "accuracy") == pytest.approx(metrics.accuracy_score(true, said))
    assert value(quality, "precision_macro") == pytest.approx(precision)
    assert value(quality, "recall_macro") == pytest.approx(recall)
    assert value(quality, "f1_macro") == pytest.approx(f1)
    labels = [one.label for one in quality.classes]
    each = metrics.precision_recall_fscore_support(true, said, labels=labels, zero_division=0)
    for at, one in enumerate(quality.classes):
        assert (one.precision.value or 0.0) == pytest.approx(each[0][at])
        assert (one.recall.value or 0.0) == pytest.approx(each[1][at])
        assert (one.f1.value or 0.0) == pytest.approx(each[2][at])
        assert one.labels == each[3][at]


@given(told=pairs)
def test_an_interval_holds_its_measure_and_stays_a_share(told: list[tuple[str, str]]) -> None:
    quality = of_pairs(told)

    for one in [*quality.measures, *(m for c in quality.classes for m in (c.precision, c.recall, c.f1))]:
        if one.value is not None and one.low is not None and one.high is not None:
            assert 0.0 <= one.low <= one.value + 1e-12
            assert one.value - 1e-12 <= one.high <= 1.0


@given(hits=st.integers(0, 50), more=st.integers(0, 50))
def test_a_share_has_wilsons_interval(hits: int, more: int) -> None:
    of_all = hits + more
    found = measures.share("accuracy", hits, of_all)

    if of_all:
        wanted = binomtest(hits, of_all).proportion_ci(method="wilson")
        assert (found.low, found.high) == (pytest.approx(wanted.low, abs=1e-12), pytest.approx(wanted.high, abs=1e-12))
    else:
        assert (found.value, found.low, found.labels) == (None, None, 0)


def test_the_interval_of_f1_covers_the_truth_about_as_often_as_it_says() -> None:
    """500 draws of 400 labels from a known confusion matrix."""
    shares = {("a", "a"): 0.4, ("b", "a"): 0.1, ("b", "b"): 0.25, ("a", "b"): 0.1, ("c", "c"): 0.1, ("a", "c"): 0.05}
    whole = Sums(confusion={pair: int(share * 1000) for pair, share in shares.items()})
    truth = value(measures.of(whole), "f1_macro")
    draws = np.random.default_rng(7).multinomial(400, list(shares.values()), size=500)
    covered = 0
    for counts in draws:
        found = measures.of(Sums(confusion=dict(zip(shares, counts.tolist(), strict=True)))).get("f1_macro")
        assert found is not None
        covered += (found.low or 0.0) <= truth <= (found.high or 0.0)

    assert 0.92 <= covered / 500 <= 0.98


@given(rows=st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=60))
def test_auc_agrees_with_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    scores: dict[int, list[int]] = {}
    for bucket, is_positive in rows:
        scores.setdefault(bucket, [0, 0])[0 if is_positive else 1] += 1
    true = [is_positive for _, is_positive in rows]

    found = measures.auc(scores)

    if len(set(true)) < 2:
        assert found.value is None
    else:
        assert found.value == pytest.approx(metrics.roc_auc_score(true, [bucket for bucket, _ in rows]))
        assert 0.0 <= (found.low or 0.0) <= found.value <= (found.high or 0.0) <= 1.0


def test_the_interval_of_auc_is_that_of_hanley_and_mcneil() -> None:
    # Hanley and McNeil (1982), table II: an area of 0.893 over 58 normal and 51 abnormal images has an error of 0.032.
    area, abnormal, normal = 0.893, 51, 58
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (abnormal - 1) * (first - area**2) + (normal - 1) * (second - area**2)
    assert math.sqrt(spread / (abnormal * normal)) == pytest.approx(0.032, abs=0.001)

    found = measures.auc({0: [5, 50], 1: [46, 8]})
    assert found.value is not None
    q1, q2 = found.value / (2 - found.value), 2 * found.value**2 / (1 + found.value)
    a2 = found.value**2
    error = math.sqrt((found.value - a2 + 50 * (q1 - a2) + 57 * (q2 - a2)) / (51 * 58))
    assert found.high == pytest.approx(found.value + 1.959964 * error)


numbers = st.floats(-1e3, 1e3).map(lambda number: round(number, 3))


def moments(values: list[float]) -> Moments:
    return Moments(len(values), sum(values), sum(one * one for one in values))


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(numbers, numbers), min_size=2, max_size=40))
def test_regression_agrees_with_scikit_learn(rows: list[tuple[float, float]]) -> None:
    said, true = [row[0] for row in rows], [row[1] for row in rows]
    errors = [a - b for a, b in rows]
    sums = Sums(
        labels=len(rows),
        moments={
            "absolute": moments([abs(one) for one in errors]),
            "squared": moments([one * one for one in errors]),
            "error": moments(errors),
            "values": moments(true),
        },
    )

    quality = measures.of(sums)

    assert value(quality, "mae") == pytest.approx(metrics.mean_absolute_error(true, said), abs=1e-9)
    assert value(quality, "rmse") == pytest.approx(metrics.root_mean_squared_error(true, said), abs=1e-6)
    assert value(quality, "bias") == pytest.approx(float(np.mean(errors)), abs=1e-9)
    if np.std(true) > 1.0:
        assert value(quality, "r2") == pytest.approx(metrics.r2_score(true, said), rel=1e-6, abs=1e-6)
    for measure in quality.measures:
        if measure.low is not None and measure.high is not None and measure.value is not None:
            assert measure.low <= measure.value <= measure.high


def test_one_label_gives_a_mean_and_no_interval() -> None:
    found = measures.mean("mae", Moments(1, 2.0, 4.0))

    assert (found.value, found.low, found.high, found.labels) == (2.0, None, None, 1)


def test_nothing_known_is_no_measure() -> None:
    assert measures.of(Sums()) == measures.Quality(0, [], [])
