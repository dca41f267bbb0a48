"""How clear the original's choice of a label is."""

from typing import Any

import numpy as np

from inference.runtimes import estimators
from inference.runtimes.base import RawOutput
from inference.runtimes.sklearn import SklearnModel
from inference.signature import Signature

NO_DOUBT = 1e300


def measure(native: SklearnModel, signature: Signature, feeds: Any, raw: RawOutput) -> list[float] | None:
    """How far the best score of each row is ahead of the second; None when there are no scores.

    Probabilities are taken as they are, other scores in relation to the largest of their row.
    """
    if signature.task != "classification" or signature.multi_output is not None:
        return None
    found = [] if raw.probabilities is None else [_lead(raw.probabilities)]
    if hasattr(native.model, "decision_function"):
        try:
            found.append(_decision_margin(native, signature, feeds))
        except Exception:
            found = found[:1]
    if not found:
        return None
    return [float(value) for value in np.nan_to_num(np.min(found, axis=0), nan=NO_DOUBT, posinf=NO_DOUBT)]


def _decision_margin(native: SklearnModel, signature: Signature, feeds: Any) -> Any:
    """Support vector machines vote in pairs; a pair in doubt can turn the vote."""
    voters = [e for e in estimators.walk(native.model) if "decision_function_shape" in vars(e)]
    before = [voter.decision_function_shape for voter in voters]
    for voter in voters:
        voter.decision_function_shape = "ovo"
    try:
        scores = np.asarray(native.call("decision_function", feeds))
    finally:
        for voter, shape in zip(voters, before, strict=True):
            voter.decision_function_shape = shape
    size = np.maximum(np.abs(scores.reshape(len(scores), -1)).max(axis=1), 1.0)
    if voters and scores.ndim == 2:
        return np.abs(scores).min(axis=1) / size
    return _lead(scores) / size


def _lead(scores: Any) -> Any:
    if scores.ndim == 1 or scores.shape[1] == 1:
        return np.abs(scores.reshape(-1))
    best = np.sort(scores, axis=1)
    return best[:, -1] - best[:, -2]
