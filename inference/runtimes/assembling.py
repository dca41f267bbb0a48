"""Which of a graph's outputs are asked for, and how they become one RawOutput; decided once, at load."""

from collections.abc import Callable
from typing import Any

import numpy as np

from inference.errors import ModelExecutionFailed
from inference.runtimes.base import RawOutput
from inference.signature import Signature

Assemble = Callable[[list[Any]], RawOutput]


def plan(signature: Signature) -> tuple[list[str], Assemble]:
    """(the outputs to fetch, what to make of their values)."""
    labels, scores = signature.labels_output, signature.probabilities_output
    if labels is not None and scores is not None and signature.has_probabilities:
        return [labels, scores], _labels_and_probabilities
    if labels is not None:
        return [labels], _labels_only
    if scores is None:
        raise ModelExecutionFailed("the signature names no output")
    return [scores], _argmax(signature)


def one_by_one(answers: list[list[Any]]) -> list[Any]:
    """The outputs of calls with one row each, as those of one call."""
    return [np.concatenate([np.reshape(part, (1, -1)) for part in parts]) for parts in zip(*answers, strict=True)]


def _labels_and_probabilities(values: list[Any]) -> RawOutput:
    return RawOutput(values[0], values[1])


def _labels_only(values: list[Any]) -> RawOutput:
    return RawOutput(values[0], None)


def _argmax(signature: Signature) -> Assemble:
    """Labels from one score matrix; a single column is the score of the second class."""
    classes = signature.classes
    if classes is None:
        raise ModelExecutionFailed("a score output needs the signature's classes")
    one_type = len(set(map(type, classes))) == 1
    labels_by_index = np.array(classes, dtype=None if one_type else object)
    keep = signature.has_probabilities

    def assemble(values: list[Any]) -> RawOutput:
        scores = values[0]
        if scores.ndim == 1:
            scores = scores[:, None]
        if scores.shape[1] == 1:
            scores = np.concatenate([1 - scores, scores], axis=1)
        labels = labels_by_index[scores.argmax(axis=1)]
        return RawOutput(labels, scores if keep else None)

    return assemble
