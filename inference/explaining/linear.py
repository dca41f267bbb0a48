"""Linear models: each feature adds its weight times its distance from the baseline. Exact."""

from typing import Any

from inference.explaining.plan import Array, Linear


class Weigher:
    """A linear model, ready to explain.

    With features f, weights w, offset o and center c: margin = o + w.f = (o + w.c) + sum of w_i (f_i - c_i). The second
    form is the Shapley value of each feature when features are independent and c is their mean (Lundberg and Lee 2017,
    section 4.2, corollary 1).
    """

    def __init__(self, model: Linear) -> None:
        self._model = model
        self.bases: Array = model.offsets + model.center @ model.weights

    def scores(self, features: Array) -> Array:
        """(rows, scores)."""
        scores: Array = features @ self._model.weights + self._model.offsets
        return scores

    def explain(self, row: Array, score: int) -> tuple[float, Array]:
        """(base, the contribution of each feature) for one row of features."""
        base, moved = self.explain_rows(row[None, :], score)
        return base, moved[0]

    def explain_rows(self, rows: Array, score: int) -> tuple[float, Array]:
        """(base, (rows, features): the contribution of each) for rows of features."""
        moved: Any = (rows - self._model.center) * self._model.weights[:, score]
        return float(self.bases[score]), moved
