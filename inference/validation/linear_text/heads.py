"""The model at the end of a text pipeline: weights, offsets, and what makes an answer of the scores."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.runtimes.linear_text.program import Array, Head
from inference.validation import structure
from inference.validation.linear_text import calibration
from inference.validation.linear_text.refusal import NotCovered

REGRESSORS = frozenset(
    {
        "ARDRegression",
        "BayesianRidge",
        "ElasticNet",
        "ElasticNetCV",
        "HuberRegressor",
        "Lasso",
        "LassoCV",
        "LinearRegression",
        "LinearSVR",
        "PassiveAggressiveRegressor",
        "Ridge",
        "RidgeCV",
        "SGDRegressor",
    }
)
DECIDERS = frozenset({"LinearSVC", "PassiveAggressiveClassifier", "Perceptron", "RidgeClassifier", "RidgeClassifierCV"})
LOGISTIC = frozenset({"LogisticRegression", "LogisticRegressionCV"})
STOCHASTIC_LINKS = {"log_loss": ("sigmoid", "one_vs_rest"), "modified_huber": ("modified_huber", "modified_huber")}


@dataclass(frozen=True, slots=True)
class Scores:
    """weights: (columns, scores); above: the threshold over which a value counts as one, None to take it as it is."""

    weights: Array
    offsets: Array
    head: Head
    above: float | None = None


def read_head(model: Any, *, classes: int) -> Scores:
    """Raises NotCovered. classes: their number, 0 for regression."""
    model = structure.without_training(model)
    kind = type(model).__name__
    if kind in READERS:
        return READERS[kind](model, classes)
    if kind in REGRESSORS and classes == 0:
        return _linear(model, Head("values"))
    if classes and kind in LOGISTIC:
        return _linear(model, Head("sigmoid" if classes == 2 else "softmax", classes))
    if classes and kind in DECIDERS:
        return _linear(model, Head("decide", classes))
    raise NotCovered(f"{kind} at the end has no linear form")


def _linear(model: Any, head: Head) -> Scores:
    weights = model.coef_.toarray() if hasattr(model.coef_, "toarray") else np.asarray(model.coef_)
    weights = np.atleast_2d(weights).astype(np.float64).T
    offsets = np.atleast_1d(np.asarray(model.intercept_, dtype=np.float64))
    return Scores(weights, np.broadcast_to(offsets, (weights.shape[1],)).copy(), head)


def _stochastic(model: Any, classes: int) -> Scores:
    links = STOCHASTIC_LINKS.get(model.loss, ("decide", "decide"))
    return _linear(model, Head(links[classes > 2], classes))


def _naive_bayes(model: Any, classes: int) -> Scores:
    weights = np.asarray(model.feature_log_prob_, dtype=np.float64).T
    prior = np.asarray(model.class_log_prior_, dtype=np.float64)
    offsets = np.zeros(len(prior)) if type(model).__name__ == "ComplementNB" else prior
    return Scores(weights, offsets, Head("softmax", classes))


def _bernoulli(model: Any, classes: int) -> Scores:
    """A word that is missing counts too: its weight is in the offset, and taken back where the word occurs."""
    if model.binarize is None or model.binarize < 0:
        raise NotCovered("BernoulliNB without a threshold has no linear form")
    present = np.asarray(model.feature_log_prob_, dtype=np.float64)
    missing = np.log(1.0 - np.exp(present))
    offsets = np.asarray(model.class_log_prior_, dtype=np.float64) + missing.sum(axis=1)
    return Scores((present - missing).T, offsets, Head("softmax", classes), above=float(model.binarize))


def _one_vs_rest(model: Any, classes: int) -> Scores:
    """One score per class; two classes have one score."""
    parts = [read_head(part, classes=2) for part in model.estimators_]
    links = {part.head.link for part in parts}
    if len(parts) not in ({1} if classes == 2 else {classes}) or len(links) != 1 or parts[0].above is not None:
        raise NotCovered("OneVsRestClassifier over these models has no linear form")
    parts = [_difference(part) if part.head.link == "softmax" else part for part in parts]
    link = {"decide": "decide", "sigmoid": "one_vs_rest", "softmax": "one_vs_rest"}.get(links.pop())
    if link is None:
        raise NotCovered("OneVsRestClassifier over these models has no linear form")
    if classes == 2 and link == "one_vs_rest":
        link = "sigmoid"
    weights = np.concatenate([part.weights for part in parts], axis=1)
    return Scores(weights, np.concatenate([part.offsets for part in parts]), Head(link, classes))


def _difference(scores: Scores) -> Scores:
    """Two scores as one: how far the second is ahead."""
    weights, offsets = scores.weights, scores.offsets
    return Scores(weights[:, 1:] - weights[:, :1], offsets[1:] - offsets[:1], Head("sigmoid", 2))


def _calibrated(model: Any, classes: int) -> Scores:
    members = [read_head(one.estimator, classes=classes) for one in model.calibrated_classifiers_]
    inner = {(member.head.link, member.above) for member in members}
    if len(inner) != 1 or members[0].head.link in ("values", "calibrated", "pairs"):
        raise NotCovered("CalibratedClassifierCV over this model has no linear form")
    # Calibration reads the decision where the model has one, else the probability.
    decides = hasattr(model.calibrated_classifiers_[0].estimator, "decision_function")
    head = Head(
        "calibrated",
        classes,
        "decide" if decides else members[0].head.link,
        tuple(calibration.curves(one, classes) for one in model.calibrated_classifiers_),
    )
    weights = np.concatenate([member.weights for member in members], axis=1)
    return Scores(weights, np.concatenate([member.offsets for member in members]), head, members[0].above)


def _support_vectors(model: Any, classes: int) -> Scores:
    """A linear kernel is a weight for each column; each pair of classes has its own."""
    if classes < 2 or model.kernel != "linear" or hasattr(model, "predict_proba") or model.break_ties:
        raise NotCovered("support vectors have a linear form only with a linear kernel and without probabilities")
    vectors = _dense(model.support_vectors_)
    duals, counts = _dense(model._dual_coef_), np.asarray(model.n_support_)
    owner = np.repeat(np.arange(len(counts)), counts)
    pairs = [(a, b) for a in range(classes) for b in range(a + 1, classes)]
    weights = np.zeros((vectors.shape[1], len(pairs)))
    for at, (a, b) in enumerate(pairs):
        weights[:, at] = duals[b - 1, owner == a] @ vectors[owner == a] + duals[a, owner == b] @ vectors[owner == b]
    return Scores(weights, np.asarray(model._intercept_, dtype=np.float64), Head("pairs", classes))


def _dense(matrix: Any) -> Array:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, dtype=np.float64)


READERS: dict[str, Callable[[Any, int], Scores]] = {
    "BernoulliNB": _bernoulli,
    "CalibratedClassifierCV": _calibrated,
    "ComplementNB": _naive_bayes,
    "MultinomialNB": _naive_bayes,
    "OneVsRestClassifier": _one_vs_rest,
    "SGDClassifier": _stochastic,
    "SVC": _support_vectors,
}
