"""How well a ranking does on rows it never saw, beside trivial ones, with ranges drawn over users."""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from solutions.figures import HELD_OUT, Figure, measured
from solutions.propositions import metrics
from solutions.propositions.dataset import Examples
from solutions.propositions.features.columns import AT

PLACES = 5
ROUNDS = 400

Array = np.ndarray[Any, Any]


def figures(
    examples: Examples, scores: Array, *, learned_rate: float, seed: int, dataset: str = HELD_OUT
) -> tuple[Figure, ...]:
    """AUC and NDCG against popularity, errors of the probability against the click rate of what was learned from."""
    clicked, users = examples.clicked, examples.users
    popular = popularity(examples)
    constant = np.full(len(clicked), learned_rate)
    common: dict[str, Any] = {"seed": seed, "dataset": dataset, "rounds": ROUNDS}
    lists = NdcgByList(examples)
    found = [
        measured(
            "auc", metrics.auc, clicked, scores, groups=users, baseline=metrics.auc(clicked, popular),
            baseline_name="popularity", **common,
        ),
        measured(
            f"ndcg@{PLACES}", np.mean, lists.of(scores), groups=lists.users, baseline=float(np.mean(lists.of(popular))),
            baseline_name="popularity", **common,
        ),
    ]  # fmt: skip
    for name, measure in (("mse", metrics.mse), ("rmse", metrics.rmse), ("mae", metrics.mae), ("r2", metrics.r2)):
        found.append(
            measured(
                name, measure, clicked, scores, groups=users, baseline=measure(clicked, constant),
                baseline_name="constant click rate", **common,
            )
        )  # fmt: skip
    return tuple(found)


def row_of(name: str, examples: Examples, scores: Array) -> dict[str, Any]:
    """One line of a table of rankings."""
    return {
        "ranking": name,
        "auc": metrics.auc(examples.clicked, scores),
        f"ndcg@{PLACES}": metrics.ndcg_at(PLACES, examples.clicked, scores, examples.lists),
        "mse": metrics.mse(examples.clicked, scores),
        "rmse": metrics.rmse(examples.clicked, scores),
        "mae": metrics.mae(examples.clicked, scores),
        "r2": metrics.r2(examples.clicked, scores),
    }


def popularity(examples: Examples) -> Array:
    """The click rate of the proposition over all users, as it was known at the time."""
    return np.asarray(examples.rows[:, AT["item_click_rate"]], dtype=np.float64)


def at_random(examples: Examples, *, seed: int) -> Array:
    """Any order."""
    return np.random.default_rng(seed).random(len(examples))


def probability(estimator: Any, rows: Any) -> Array:
    """Of a click."""
    with threadpool_limits(1):
        return np.asarray(estimator.predict_proba(rows)[:, list(estimator.classes_).index(1)], dtype=np.float64)


class NdcgByList:
    """NDCG of each list that has a click, so that a range costs no second ranking."""

    def __init__(self, examples: Examples) -> None:
        order = np.argsort(examples.lists, kind="stable")
        _, counts = np.unique(examples.lists, return_counts=True)
        groups = np.split(order, np.cumsum(counts)[:-1])
        self._groups = [rows for rows in groups if examples.clicked[rows].any()]
        self._clicked = examples.clicked
        self.users = np.array([examples.users[rows[0]] for rows in self._groups])

    def of(self, scores: Array) -> Array:
        """One value for each list."""
        return np.array([metrics.ndcg_of_list(PLACES, self._clicked[rows], scores[rows]) for rows in self._groups])


def difference(examples: Examples, ours: Array, theirs: Array, *, seed: int) -> dict[str, Figure]:
    """By how much `ours` is better than `theirs` in AUC and NDCG, on the same draws of users."""
    lists = NdcgByList(examples)

    def more_auc(clicked: Array, first: Array, second: Array) -> float:
        return metrics.auc(clicked, first) - metrics.auc(clicked, second)

    return {
        "auc": measured(
            "auc difference", more_auc, examples.clicked, ours, theirs, groups=examples.users, seed=seed, rounds=ROUNDS
        ),
        "ndcg": measured(
            f"ndcg@{PLACES} difference", np.mean, lists.of(ours) - lists.of(theirs), groups=lists.users, seed=seed,
            rounds=ROUNDS,
        ),
    }  # fmt: skip
