"""A plan is kept only if its margins are the original's, on the rows of the proof; that also tells what they are."""

from typing import Any

import numpy as np

from inference.explaining.plan import Array
from inference.runtimes.sklearn import SklearnModel
from inference.signature import Signature
from inference.validation.outputs import Answers

# Libraries that add up in single precision are met less closely.
TOLERANCE, SINGLE_TOLERANCE = 1e-6, 1e-4


def unit_of(
    scores: Array, answers: Answers, native: SklearnModel, signature: Signature, feeds: Any, *, single: bool
) -> str | None:
    """One of plan.UNITS; None when the scores are not what the original answers by."""
    tolerance = SINGLE_TOLERANCE if single else TOLERANCE

    def same(ours: Any, theirs: Any) -> bool:
        ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
        size = max(1.0, float(np.abs(theirs).max(initial=0.0)))
        return ours.shape == theirs.shape and bool(np.allclose(ours, theirs, rtol=tolerance, atol=tolerance * size))

    with np.errstate(over="ignore"):
        if signature.task == "regression":
            said = answers.predictions
            return (
                "value"
                if same(scores[:, 0], said)
                else "log of the value"
                if same(np.exp(scores[:, 0]), said)
                else None
            )
        if hasattr(native.model, "score_samples") and same(
            -(2.0 ** scores[:, 0]), _asked(native, "score_samples", feeds)
        ):
            return "log2 of the anomaly score"
        if answers.probabilities is not None:
            found = np.asarray(answers.probabilities, dtype=np.float64)
            if same(_shares(scores), found):
                return "log-odds"
            if same(scores, found):
                return "probability"
        if hasattr(native.model, "decision_function"):
            decided = _asked(native, "decision_function", feeds)
            if same(scores, decided.reshape(len(decided), -1)):
                return "score"
    return None


def _asked(native: SklearnModel, method: str, feeds: Any) -> Any:
    try:
        return np.asarray(native.call(method, feeds), dtype=np.float64)
    except Exception:  # a stranger's model may raise anything; then it is not what we look for
        return np.full(1, np.nan)


def _shares(scores: Array) -> Array:
    if scores.shape[1] == 1:
        second = 1.0 / (1.0 + np.exp(-scores))
        return np.concatenate([1.0 - second, second], axis=1)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares
