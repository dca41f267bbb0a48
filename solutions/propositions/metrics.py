"""How good a ranking is. Pure functions over arrays; the wording of each formula is its source's.

`clicked` is 0 or 1 for each row, `scores` the predicted probability of a click, `lists` which rows were shown together.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score, roc_auc_score

Array = np.ndarray[Any, Any]


def auc(clicked: Array, scores: Array) -> float:
    """The share of pairs (a click, no click) in which the click scores higher. Raises ValueError on one class."""
    if np.all(clicked == clicked[0]):
        raise ValueError("AUC needs clicks and rows without.")
    return float(roc_auc_score(clicked, scores))


def mse(clicked: Array, scores: Array) -> float:
    """Mean squared error of the probability: the Brier score (Brier, 1950)."""
    return float(mean_squared_error(clicked, scores))


def rmse(clicked: Array, scores: Array) -> float:
    """The root of it."""
    return float(np.sqrt(mse(clicked, scores)))


def mae(clicked: Array, scores: Array) -> float:
    """Mean absolute error of the probability. Always guessing 0 does well here, because clicks are rare."""
    return float(mean_absolute_error(clicked, scores))


def r2(clicked: Array, scores: Array) -> float:
    """The share of the variance of single clicks that the probability explains; small even for the true one."""
    return float(r2_score(clicked, scores))


def ndcg_at(k: int, clicked: Array, scores: Array, lists: Array) -> float:
    """Mean NDCG@k over the lists that have a click (Järvelin and Kekäläinen, 2002), equal scores in every order.

    The gain of a click is 1, the discount of place p (from 1) is 1 / log2(p + 1). Rows of one list need not stand
    together. Raises ValueError when no list has a click.
    """
    found = [ndcg_of_list(k, clicked[rows], scores[rows]) for rows in _each_list(lists) if clicked[rows].any()]
    if not found:
        raise ValueError("NDCG needs a list with a click.")
    return float(np.mean(found))


def ndcg_of_list(k: int, clicked: Array, scores: Array) -> float:
    """NDCG@k of one list with a click."""
    discounts = np.zeros(len(clicked))
    top = min(k, len(clicked))
    discounts[:top] = 1.0 / np.log2(np.arange(2, top + 2))
    gained = 0.0
    at = 0
    order = np.argsort(-scores, kind="stable")
    # Rows with the same score share the discounts of their places (McSherry and Najork, 2008).
    while at < len(order):
        until = at + int(np.sum(scores[order[at:]] == scores[order[at]]))
        gained += float(clicked[order[at:until]].mean() * discounts[at:until].sum())
        at = until
    best = float(discounts[: int(clicked.sum())].sum())
    return gained / best


def _each_list(lists: Array) -> Iterator[Array]:
    order = np.argsort(lists, kind="stable")
    _, counts = np.unique(lists, return_counts=True)
    yield from np.split(order, np.cumsum(counts)[:-1])


def click_rate(clicked: Array) -> float:
    """Clicks per impression."""
    return float(np.mean(clicked))
