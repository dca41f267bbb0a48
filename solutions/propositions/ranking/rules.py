"""The ranking without a model: what is popular, adjusted by what the user chose and said, and by what they saw.

Used when no version is live or the live one can't answer, always marked as degraded. The score is a product of factors,
one for each column that counts. The numbers are judgement, not learned; the docs show how far they get.
"""

from typing import Any

import numpy as np

from solutions.propositions.features.columns import AT, PRIOR_RATE
from solutions.propositions.features.matrix import Matrix

Columns = np.ndarray[Any, np.dtype[np.float64]]

_INTEREST = 1.3
_OVER_BUDGET = 0.5
_SHOWN, _CLICKED = 0.15, 0.3


def scores(rows: Matrix) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A score from 0 to 1 for each row of the model's own matrix."""
    total: Columns = PRIOR_RATE * np.exp(contributions(rows).sum(axis=1))
    return np.clip(total, 0.0, 1.0)


def contributions(rows: Matrix) -> Columns:
    """What each column adds to the logarithm of the score; they add up to log(score / prior)."""
    wide = rows.astype(np.float64)
    added = np.zeros_like(wide)
    added[:, AT["item_click_rate"]] = np.log(np.maximum(wide[:, AT["item_click_rate"]], 1e-6) / PRIOR_RATE)
    added[:, AT["category_lift"]] = np.log(np.maximum(wide[:, AT["category_lift"]], 1e-6))
    added[:, AT["is_interest"]] = np.log(_INTEREST) * (wide[:, AT["is_interest"]] > 0)
    added[:, AT["over_budget"]] = -_OVER_BUDGET * wide[:, AT["over_budget"]]
    added[:, AT["shown_before"]] = -_SHOWN * wide[:, AT["shown_before"]]
    added[:, AT["clicked_before"]] = -_CLICKED * wide[:, AT["clicked_before"]]
    return added
