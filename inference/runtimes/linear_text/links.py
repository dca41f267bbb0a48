"""From scores to labels and probabilities, as the originals make them. Rows of scores in, one array per answer out."""

from collections.abc import Callable
from typing import Any

import numpy as np

from inference.runtimes.linear_text.program import Array, Curve, Head

Indexes = np.ndarray[Any, np.dtype[np.intp]]
JUST_OVER_ONE = 1.0 + 1e-5


def choose(head: Head, scores: Array) -> tuple[Indexes, Array | None]:
    """The place of each row's class, and the probabilities; None where the model has none."""
    if head.link == "calibrated":
        probabilities = _calibrated(head, scores)
        return probabilities.argmax(axis=1), probabilities
    if head.link == "pairs":
        return _votes(scores, head.classes).argmax(axis=1), None
    labels = (scores[:, 0] > 0).astype(np.intp) if scores.shape[1] == 1 else scores.argmax(axis=1)
    return labels, None if head.link == "decide" else PROBABILITIES[head.link](scores)


def logistic(scores: Array) -> Array:
    """1 / (1 + exp(-score)), without overflow."""
    small: Array = np.exp(-np.abs(scores))
    return np.where(scores >= 0, 1.0, small) / (1.0 + small)


def _two(second: Array) -> Array:
    """Both probabilities from that of the second class."""
    return np.concatenate([1.0 - second, second], axis=1)


def _sigmoid(scores: Array) -> Array:
    return _two(logistic(scores))


def _softmax(scores: Array) -> Array:
    powers: Array = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _shares(parts: Array) -> Array:
    """Each part of its row's sum; equal shares where there is nothing to share."""
    sums = parts.sum(axis=1, keepdims=True)
    equal = np.full_like(parts, 1.0 / parts.shape[1])
    return np.divide(parts, sums, out=equal, where=sums != 0)


def _one_vs_rest(scores: Array) -> Array:
    return _shares(logistic(scores))


def _modified_huber(scores: Array) -> Array:
    parts: Array = (np.clip(scores, -1.0, 1.0) + 1.0) / 2.0
    return _two(parts) if parts.shape[1] == 1 else _shares(parts)


PROBABILITIES: dict[str, Callable[[Array], Array]] = {
    "modified_huber": _modified_huber,
    "one_vs_rest": _one_vs_rest,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
}


def _calibrated(head: Head, scores: Array) -> Array:
    """The mean of the members' probabilities. A member reads its own columns of the scores."""
    width = scores.shape[1] // len(head.members)
    total = np.zeros((len(scores), head.classes))
    for number, curves in enumerate(head.members):
        own = scores[:, number * width : (number + 1) * width]
        if head.inner != "decide":
            own = PROBABILITIES[head.inner](own)
            own = own[:, 1:] if head.classes == 2 else own
        parts = np.stack([_along(curve, own[:, at]) for at, curve in enumerate(curves)], axis=1)
        parts = _two(parts) if head.classes == 2 else _shares(parts)
        parts[(parts > 1.0) & (parts <= JUST_OVER_ONE)] = 1.0
        total += parts
    return total / len(head.members)


def _along(curve: Curve, scores: Array) -> Array:
    if curve.kind == "sigmoid":
        return logistic(-(curve.a * scores + curve.b))
    assert curve.x is not None
    assert curve.y is not None
    return np.interp(scores, curve.x, curve.y)


def _votes(decisions: Array, classes: int) -> Array:
    """Each pair of classes has one decision; above zero it is a vote for the first of the two."""
    votes = np.zeros((len(decisions), classes))
    at = 0
    for first in range(classes):
        for second in range(first + 1, classes):
            for_first = decisions[:, at] > 0
            votes[:, first] += for_first
            votes[:, second] += ~for_first
            at += 1
    return votes
