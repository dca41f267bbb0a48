"""A plan, opened: ready to explain rows of cells."""

from typing import Any

import numpy as np

from inference.explaining.columns import features_of
from inference.explaining.linear import Weigher
from inference.explaining.plan import Array, Linear, Plan
from inference.explaining.told import RowExplanation, largest_first
from inference.explaining.trees import Forest


class Columns:
    """Explains a model of columns. Read-only after it is made, so threads share it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        model = plan.model
        self._opened: Weigher | Forest
        with np.errstate(all="ignore"):
            if isinstance(model, Linear):
                self._opened = Weigher(model)
            else:
                self._opened = Forest(model, len(plan.features), plan.scores)
        self._owners = np.array([feature.column for feature in plan.features])

    @property
    def cells(self) -> int:
        """How much work one row is."""
        return self._opened.cells if isinstance(self._opened, Forest) else 0

    def scores(self, rows: list[Any]) -> Array:
        """(rows, scores): the margins, as the plan has them."""
        return self._opened.scores(features_of(rows, self.plan.features))

    def explain(self, cells: Any, names: tuple[str, ...], *, of: Any, place: int | None, most: int) -> RowExplanation:
        """One row. place: the number of the class that was answered; None for a regression."""
        plan = self.plan
        sign, score = self._towards(place)
        with np.errstate(all="ignore"):
            features = features_of([cells], plan.features)[0]
            base, moved = self._opened.explain(features, score)
        by_column = np.bincount(self._owners, weights=moved, minlength=plan.columns) * sign
        parts = [
            (names[at], cell, float(contribution))
            for at, (cell, contribution) in enumerate(zip(cells, by_column, strict=True))
        ]
        base *= sign
        return largest_first(of, base, base + float(by_column.sum()), parts, most)

    def _towards(self, place: int | None) -> tuple[float, int]:
        """(sign, score) of the margin that speaks for the class."""
        if self.plan.scores > 1 and place is not None:
            return 1.0, place
        against = place == 0 and not self.plan.is_one_sided
        return (-1.0 if against else 1.0), 0
