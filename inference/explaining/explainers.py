"""A plan, opened: ready to explain rows of cells."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from inference.explaining.columns import features_of
from inference.explaining.linear import Weigher
from inference.explaining.plan import Array, Linear, Plan
from inference.explaining.told import RowExplanation, largest_first
from inference.explaining.trees import Forest

CELLS_AT_ONCE = 200_000


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

    @property
    def at_once(self) -> int:
        """How many rows are best explained together: enough to fill arrays, few enough to keep to a deadline."""
        return max(1, CELLS_AT_ONCE // max(1, self.cells))

    def explain(self, cells: Any, names: tuple[str, ...], *, of: Any, place: int | None, most: int) -> RowExplanation:
        """One row. place: the number of the class that was answered; None for a regression."""
        return self.explain_rows([cells], names, of=[of], places=[place], most=most)[0]

    def explain_rows(
        self, rows: Sequence[Any], names: tuple[str, ...], *, of: list[Any], places: list[int | None], most: int
    ) -> list[RowExplanation]:
        """Some rows, at most `at_once`; `of` and `places` have what was answered to each."""
        towards = [self._towards(place) for place in places]
        bases, moved = np.zeros(len(rows)), np.zeros((len(rows), len(self._owners)))
        with np.errstate(all="ignore"):
            features = features_of(list(rows), self.plan.features)
            for score in {score for _, score in towards}:
                these = [number for number, (_, one) in enumerate(towards) if one == score]
                bases[these], moved[these] = self._opened.explain_rows(features[these], score)
        return [
            self._told(cells, names, said, float(base), parts, sign, most)
            for cells, said, base, parts, (sign, _) in zip(rows, of, bases, moved, towards, strict=True)
        ]

    def _told(
        self, cells: Any, names: tuple[str, ...], of: Any, base: float, moved: Array, sign: float, most: int
    ) -> RowExplanation:
        by_column = np.bincount(self._owners, weights=moved, minlength=self.plan.columns) * sign
        parts = list(zip(names, cells, by_column.tolist(), strict=False))
        return largest_first(of, base * sign, base * sign + float(by_column.sum()), parts, most)

    def _towards(self, place: int | None) -> tuple[float, int]:
        """(sign, score) of the margin that speaks for the class."""
        if self.plan.scores > 1 and place is not None:
            return 1.0, place
        against = place == 0 and not self.plan.is_one_sided
        return (-1.0 if against else 1.0), 0
