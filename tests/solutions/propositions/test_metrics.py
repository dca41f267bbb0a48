"""The measures agree with scikit-learn's and with counting by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from solutions.propositions import metrics

pairs = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.1, 0.2, 0.5, 0.9])), min_size=2, max_size=12)


@given(pairs)
def test_auc_counts_the_pairs_that_are_in_order(rows: Any) -> None:
    clicked, scores = np.array(rows).T
    assume(0 < clicked.sum() < len(clicked))
    wins = [
        1.0 if high > low else 0.5 if high == low else 0.0
        for high in scores[clicked == 1]
        for low in scores[clicked == 0]
    ]

    assert metrics.auc(clicked, scores) == pytest.approx(np.mean(wins))


def test_auc_of_one_class_is_undefined() -> None:
    with pytest.raises(ValueError, match="AUC"):
        metrics.auc(np.zeros(3), np.arange(3.0))


@given(pairs, st.integers(1, 8))
def test_ndcg_is_scikit_learns_also_with_equal_scores(rows: Any, k: int) -> None:
    clicked, scores = np.array(rows).T
    assume(clicked.any())

    assert metrics.ndcg_of_list(k, clicked, scores) == pytest.approx(ndcg_score([clicked], [scores], k=k))


def test_ndcg_is_the_mean_of_lists_with_a_click() -> None:
    clicked = np.array([1.0, 0.0, 0.0, 0.0, 1.0])
    scores = np.array([0.9, 0.1, 0.5, 0.2, 0.1])
    lists = np.array([0, 0, 1, 2, 2])

    expected = (1.0 + 1.0 / np.log2(3)) / 2
    assert metrics.ndcg_at(5, clicked, scores, lists) == pytest.approx(expected)


def test_ndcg_without_a_click_is_undefined() -> None:
    with pytest.raises(ValueError, match="NDCG"):
        metrics.ndcg_at(5, np.zeros(2), np.arange(2.0), np.zeros(2))


def test_errors_of_the_probability() -> None:
    clicked, scores = np.array([0.0, 1.0]), np.array([0.5, 0.5])

    assert metrics.mse(clicked, scores) == 0.25
    assert metrics.rmse(clicked, scores) == 0.5
    assert metrics.mae(clicked, scores) == 0.5
    assert metrics.r2(clicked, scores) == 0.0
    assert metrics.click_rate(clicked) == 0.5
