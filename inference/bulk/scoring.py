"""One part from its bytes to its results: parsed, fed, run, written. The same in a job, a command and on a cluster."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from inference import handlers
from inference.bulk import feeding, parsing, writing
from inference.bulk.files import Kind, Part, Plan
from inference.bulk.parsing import Refusal, Rows
from inference.errors import ModelExecutionFailed
from inference.handlers.base import Arrays, Handler
from inference.runtimes.base import RawOutput
from inference.signature import Signature

Predict = Callable[[Arrays], RawOutput]
MODEL_FAILED = "model_failed"


class Scored(NamedTuple):
    """A part's results as they stand in the file, and how many rows have an answer and how many none."""

    number: int
    content: bytes
    rows: int
    failed: int


class Answered(NamedTuple):
    """output: the model's, for the rows at `places`; None when no row has an answer."""

    total: int
    output: RawOutput | None
    places: "np.ndarray[Any, Any]"
    refused: dict[int, Refusal]


@dataclass(frozen=True, slots=True)
class Scorer:
    """What scoring a part takes besides the part. `predict` is the runtime's, or a wrapping of it."""

    signature: Signature
    handler: Handler
    predict: Predict
    plan: Plan
    results: Kind

    def score(self, part: Part, content: bytes) -> Scored:
        """Raises FileUnreadable; a row that can't be scored is told in the results."""
        rows = parsing.parse(content, self.plan, part, self.signature)
        answered = answer(rows, self.handler, self.signature, self.predict)
        written = writing.write(answered, self.signature, kind=self.results, first_row=part.first_row)
        return Scored(part.number, written, part.rows, len(answered.refused))


def scorer(signature: Signature, predict: Predict, plan: Plan, results: Kind) -> Scorer:
    """A Scorer that needs no list of parts."""
    return Scorer(signature, handlers.get(signature.handler), predict, plan.without_parts(), results)


def answer(rows: Rows, handler: Handler, signature: Signature, predict: Predict) -> Answered:
    """Every row has an answer or a refusal. Never raises for a row, nor for one that the model stumbles over."""
    fed = feeding.feed(rows, handler, signature)
    if fed.feeds is None:
        return Answered(rows.total, None, fed.places, fed.refused)
    found: list[tuple[np.ndarray[Any, Any], RawOutput]] = []
    _run(fed.feeds, np.arange(len(fed.places)), predict, found, fed)
    if not found:
        return Answered(rows.total, None, np.empty(0, dtype=np.int64), fed.refused)
    if len(found) == 1:
        at, output = found[0]
        return Answered(rows.total, output, fed.places[at], fed.refused)
    at = np.concatenate([places for places, _ in found])
    return Answered(rows.total, _joined([output for _, output in found]), fed.places[at], fed.refused)


def _run(feeds: Arrays, at: Any, predict: Predict, found: list[Any], fed: feeding.Fed) -> None:
    """All rows in one call; if the model raises, in halves, until the row that it can't bear stands alone."""
    try:
        found.append((at, predict(feeds)))
        return
    except ModelExecutionFailed:
        if len(at) == 1:
            fed.refused[int(fed.places[at[0]])] = Refusal(MODEL_FAILED, "the model failed on this row")
            return
    half = len(at) // 2
    for piece in (slice(None, half), slice(half, None)):
        _run({name: values[piece] for name, values in feeds.items()}, at[piece], predict, found, fed)


def _joined(outputs: list[RawOutput]) -> RawOutput:
    labels = np.concatenate([np.asarray(output.labels) for output in outputs])
    if outputs[0].probabilities is None:
        return RawOutput(labels, None)
    return RawOutput(labels, np.concatenate([np.asarray(output.probabilities) for output in outputs]))
