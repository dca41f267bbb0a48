"""Walks over a fitted scikit-learn object and its parts, with a budget instead of recursion."""

from collections.abc import Iterator
from typing import Any

import numpy as np

NODE_BUDGET = 200_000
MAX_ARRAY = 100_000


def walk(model: Any) -> Iterator[Any]:
    """Every estimator inside `model`, itself first, each once."""
    from sklearn.base import BaseEstimator  # heavy, and only native models need it

    seen: set[int] = set()
    pending = [model]
    while pending and len(seen) < NODE_BUDGET:
        thing = pending.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, BaseEstimator):
            yield thing
            pending.extend(vars(thing).values())
        elif isinstance(thing, dict):
            pending.extend(thing.values())
        elif isinstance(thing, (list, tuple)):
            pending.extend(thing)
        elif _holds_estimators(thing):
            pending.extend(thing.reshape(-1).tolist())
        elif type(thing).__module__.startswith("sklearn") and hasattr(thing, "__dict__"):
            pending.extend(vars(thing).values())


def single_threaded(model: Any) -> None:
    """One thread per call: serving processes already use every core."""
    for estimator in walk(model):
        if vars(estimator).get("n_jobs") is not None:
            estimator.n_jobs = 1
        if type(estimator).__module__.startswith(("xgboost.", "lightgbm.")):  # no number means every core to them
            estimator.n_jobs = 1
            if hasattr(estimator, "get_booster"):
                estimator.get_booster().set_param({"nthread": 1})


def _holds_estimators(thing: Any) -> bool:
    """GradientBoosting keeps its trees in an object array."""
    return isinstance(thing, np.ndarray) and thing.dtype.kind == "O" and thing.size < MAX_ARRAY
