"""Boosted trees of XGBoost and LightGBM, as data."""

from typing import Any

from inference.validation.boosted.ensemble import Branch, Ensemble, Leaf, Tree

__all__ = ["Branch", "Ensemble", "Leaf", "Tree", "is_boosted", "read", "thinks_in_doubles"]

XGBOOST = frozenset(
    {"XGBClassifier", "XGBRFClassifier", "XGBRFRegressor", "XGBRanker", "XGBRegressor"}
    | {"XgboostClassifier", "XgboostLabels", "XgboostRegressor"}
)
LIGHTGBM = frozenset({"LGBMClassifier", "LGBMRanker", "LGBMRegressor", "LightgbmClassifier", "LightgbmRegressor"})


def is_boosted(model: Any) -> bool:
    return type(model).__name__ in XGBOOST | LIGHTGBM


def thinks_in_doubles(model: Any) -> bool:
    """LightGBM compares the client's own doubles; XGBoost rounds them first."""
    return type(model).__name__ in LIGHTGBM


def read(model: Any) -> Ensemble:
    """The trees of a fitted estimator, the libraries' own or ours. Raises NotImplementedError for what has no
    translation."""
    from inference.runtimes.boosted import Boosted  # imports scikit-learn

    own, classes = isinstance(model, Boosted), getattr(model, "classes_", None)
    if type(model).__name__ in LIGHTGBM:
        from inference.validation.boosted import lightgbm_trees

        return lightgbm_trees.read(model.booster if own else model.booster_, classes)
    from inference.validation.boosted import xgboost_trees

    missing = getattr(model, "missing", None)
    if missing is not None and missing == missing:
        raise NotImplementedError(f"models that take {missing!r} for a missing value have no translation")
    return xgboost_trees.read(model.booster if own else model.get_booster(), classes)
