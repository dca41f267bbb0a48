"""A fitted text pipeline as a linear text model."""

from dataclasses import replace
from typing import Any

import numpy as np

from inference.runtimes.linear_text.program import Program
from inference.signature import Feed, Signature
from inference.validation.linear_text import heads, writing
from inference.validation.linear_text.features import Features, read_features
from inference.validation.linear_text.refusal import NotCovered

__all__ = ["NotCovered", "compile_text"]

FEED = Feed("text", "string", (0,), (-1,))


def compile_text(model: Any, native: Signature) -> tuple[bytes, Signature]:
    """`model` without what matters only in training. Raises NotCovered."""
    if native.handler != "text":
        raise NotCovered("only models of one text are compiled to the linear form")
    if native.task == "classification" and (native.multi_output is not None or native.classes is None):
        raise NotCovered("several labels for one text have no linear form")
    transformers, last = _split(model)
    features = read_features(transformers)
    scores = heads.read_head(last, classes=len(native.classes or ()))
    program = _program(features, scores)
    return writing.write(program), replace(native, feeds=(FEED,))


def _split(model: Any) -> tuple[list[Any], Any]:
    """The transformers in a row, and the model at the end; nested pipelines are laid flat."""
    steps = _flat(model)
    if len(steps) < 2:
        raise NotCovered(f"{type(model).__name__} is no pipeline from a vectoriser to a model")
    return steps[:-1], steps[-1]


def _flat(part: Any) -> list[Any]:
    if type(part).__name__ != "Pipeline":
        return [part]
    return [inner for _, step in part.steps if step not in (None, "passthrough") for inner in _flat(step)]


def _program(features: Features, scores: heads.Scores) -> Program:
    """The weights come to stand on the terms themselves: what the pipeline does in between is multiplied in."""
    sections, joint = features.sections, features.joint
    if scores.above is not None:
        sections, joint = features.with_threshold(scores.above)
    weights, offsets = scores.weights, scores.offsets
    if features.projection is not None:
        offsets = offsets + features.shift @ weights
        weights = features.projection @ weights
    weights = features.on_terms(weights)
    if not (np.isfinite(weights).all() and np.isfinite(offsets).all()):
        raise NotCovered("a weight is infinite")
    return Program(sections, joint, weights, offsets, scores.head)
