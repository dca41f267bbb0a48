"""The kinds of models that may learn the ranking. Each predicts the probability of a click from `features.columns`.

Where the direction of a column's effect is beyond doubt (a category that was clicked more is not liked less), the trees
are held to it: with few clicks that is what keeps them from learning noise. The settings were chosen on the second of
the simulated training months, never on the held-out one. The libraries are imported when something is fitted: the names
of the kinds are needed where nothing is.
"""

from collections.abc import Callable
from typing import Any

from threadpoolctl import threadpool_limits

from solutions.errors import ValueInvalid
from solutions.propositions.dataset import Examples
from solutions.propositions.features.columns import COLUMNS
from solutions.work import needs

RISING = (
    "user_click_rate",
    "category_click_rate",
    "category_lift",
    "category_share",
    "is_interest",
    "item_click_rate",
    "hours_since_shown",
)
FALLING = ("price_distance", "over_budget", "shown_before", "position")
DIRECTIONS = [1 if name in RISING else -1 if name in FALLING else 0 for name in COLUMNS]


def gradient_boosting(seed: int) -> Any:
    """Histogram gradient boosting of scikit-learn."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=100,
        learning_rate=0.05,
        max_leaf_nodes=7,
        min_samples_leaf=150,
        l2_regularization=20.0,
        monotonic_cst=DIRECTIONS,
        early_stopping=False,
        random_state=seed,
    )


def random_forest(seed: int) -> Any:
    """A forest of scikit-learn."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators=150,
        min_samples_leaf=20,
        max_features="sqrt",
        monotonic_cst=DIRECTIONS,
        n_jobs=1,
        random_state=seed,
    )


def xgboost(seed: int) -> Any:
    """Gradient boosting of XGBoost (the extra `xgboost`). Raises ExtraMissing."""
    needs("xgboost", extra="xgboost")
    from xgboost import XGBClassifier

    return XGBClassifier(
        n_estimators=100,
        learning_rate=0.05,
        max_depth=3,
        min_child_weight=10,
        reg_lambda=20.0,
        monotone_constraints=tuple(DIRECTIONS),
        n_jobs=1,
        random_state=seed,
    )


KINDS: dict[str, Callable[[int], Any]] = {
    "gradient_boosting": gradient_boosting,
    "random_forest": random_forest,
    "xgboost": xgboost,
}
USUAL = "gradient_boosting"


def fitted(kind: str, examples: Examples, *, seed: int) -> Any:
    """An estimator of the kind that has learned the examples. Raises ValueInvalid, ExtraMissing."""
    if kind not in KINDS:
        raise ValueInvalid(f"Use one of: {', '.join(KINDS)}.", code="unknown_kind", field="kind")
    # One core: the serving processes keep theirs, and threads in each other's way take longer than one alone.
    with threadpool_limits(1):
        return KINDS[kind](seed).fit(frame(examples.rows), examples.clicked.astype(int))


def frame(rows: Any) -> Any:
    """Rows under the names of their columns, as a data frame."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(COLUMNS))
