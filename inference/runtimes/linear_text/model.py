"""The runtime: loads the file and answers."""

import math
from typing import Any

import numpy as np

from inference.errors import ModelExecutionFailed
from inference.runtimes.base import RawOutput
from inference.runtimes.linear_text import links, reader
from inference.runtimes.linear_text.counting import Stop
from inference.runtimes.linear_text.program import NotALinearText, Program
from inference.runtimes.linear_text.scoring import Scorer
from inference.signature import Signature

FEW_SCORES = 32


class LinearTextRuntime:
    """Needs nothing but numpy."""

    name = "linear_text"

    def load(self, artifact: bytes, signature: Signature) -> "LinearTextModel":
        try:
            program = reader.read(artifact)
        except NotALinearText as error:
            raise ModelExecutionFailed(f"The file is no linear text model: {error}") from error
        return LinearTextModel(program, signature)


class LinearTextModel:
    """Read-only after loading, so threads share it."""

    __slots__ = ("_classes", "_feed", "_head", "_scorer", "_with_probabilities")

    is_bounded = True
    """Our own code, linear in the length of the texts (`patterns`)."""

    def __init__(self, program: Program, signature: Signature) -> None:
        classes = signature.classes or ()
        if program.head.classes != len(classes) or len(signature.feeds) != 1:
            raise ModelExecutionFailed("The signature does not fit the linear text model")
        self._classes = np.empty(len(classes), dtype=object)
        self._classes[:] = classes
        self._feed = signature.feeds[0].name
        self._head = program.head
        self._scorer = Scorer(program)
        self._with_probabilities = signature.has_probabilities

    run_options = staticmethod(Stop)
    """Makes what stops one call."""

    def predict(self, feeds: "dict[str, np.ndarray[Any, Any]]", run_options: Stop | None = None) -> RawOutput:
        try:
            texts = feeds[self._feed].reshape(-1).tolist()
            scores = self._scorer.scores(texts, run_options)
        except (KeyError, TypeError, AttributeError, ValueError, MemoryError) as error:
            raise ModelExecutionFailed(f"The texts cannot be scored: {type(error).__name__}: {error}") from error
        if self._head.link == "values":
            return RawOutput(scores[:, 0] if scores.shape[1] == 1 else scores, None)
        if len(scores) == 1 and scores.shape[1] <= FEW_SCORES and self._head.link in ("sigmoid", "softmax"):
            return self._single(scores[0].tolist())
        labels, probabilities = links.choose(self._head, scores)
        return RawOutput(self._classes[labels], probabilities if self._with_probabilities else None)

    def _single(self, scores: list[float]) -> RawOutput:
        """One row of few scores: plain Python is quicker than numpy."""
        if len(scores) == 1:
            small = math.exp(-abs(scores[0]))
            second = (1.0 if scores[0] >= 0 else small) / (1.0 + small)
            shares, best = [1.0 - second, second], int(scores[0] > 0)
        else:
            top = max(scores)
            best = scores.index(top)
            powers = [math.exp(score - top) for score in scores]
            whole = sum(powers)
            shares = [power / whole for power in powers]
        probabilities = np.array([shares]) if self._with_probabilities else None
        return RawOutput(self._classes[best : best + 1], probabilities)
