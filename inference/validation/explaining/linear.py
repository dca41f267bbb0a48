"""Models that weigh their columns and add up. In the sandbox only."""

from typing import Any

import numpy as np

from inference.explaining.plan import Array, Linear
from inference.validation import structure
from inference.validation.explaining.columns import Features
from inference.validation.explaining.refusal import NotCovered

LOG_PROBABILITIES = frozenset({"CategoricalNB", "GaussianNB", "BernoulliNB"})


def is_linear(model: Any) -> bool:
    return (hasattr(model, "coef_") and type(model).__name__ not in LOG_PROBABILITIES) or _is_naive_bayes(model)


def _is_naive_bayes(model: Any) -> bool:
    return type(model).__name__ in ("ComplementNB", "MultinomialNB")


def read(model: Any, features: Features, center: Array) -> Linear:
    """Raises NotCovered. Whether the weights are all there is to the model is judged by the proof."""
    weights, offsets = _weights(structure.without_training(model))
    if weights.shape[0] != features.width:
        raise NotCovered("the model takes another number of columns")
    if features.projection is not None:
        offsets = offsets + features.shift @ weights
        weights = features.projection @ weights
    if not (np.isfinite(weights).all() and np.isfinite(offsets).all()):
        raise NotCovered("a weight is infinite")
    return Linear(weights, offsets, center)


def _weights(model: Any) -> tuple[Array, Array]:
    """((columns, scores), (scores))."""
    if _is_naive_bayes(model):
        weights = np.asarray(model.feature_log_prob_, dtype=np.float64).T
        offsets = np.zeros(weights.shape[1])
        if type(model).__name__ == "MultinomialNB":
            offsets = np.asarray(model.class_log_prior_, dtype=np.float64)
        return weights, offsets
    found = model.coef_
    dense = found.toarray() if hasattr(found, "toarray") else np.asarray(found)
    weights = np.atleast_2d(dense).astype(np.float64)
    if weights.shape[1] == 1 and weights.shape[0] > 1 and type(model).__name__.startswith("PLS"):
        weights = weights.T
    offsets = (
        -np.atleast_1d(model.offset_) if hasattr(model, "offset_") else np.atleast_1d(getattr(model, "intercept_", 0.0))
    )
    offsets = np.broadcast_to(np.asarray(offsets, dtype=np.float64), (weights.shape[0],)).copy()
    return weights.T, offsets
