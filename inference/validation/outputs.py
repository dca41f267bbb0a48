"""Answers on a set of rows, in the form that crosses the sandbox's wire: plain values."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from inference import handlers
from inference.errors import InputInvalid, ValidationFailed
from inference.handlers.base import Payload
from inference.runtimes.base import LoadedModel
from inference.signature import Signature

Rows = list[Any]
GOLDEN_CELLS = 200_000


@dataclass(frozen=True, slots=True)
class Answers:
    """predictions: one per row (a list each for multi-output); probabilities: one list per row.

    margins: the distance between the two best scores of a row, where the model has scores.
    """

    predictions: list[Any]
    probabilities: list[list[float | None]] | None = None
    margins: list[float] | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "predictions": self.predictions,
            "probabilities": self.probabilities,
            "margins": self.margins,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Answers":
        return cls(data["predictions"], data["probabilities"], data.get("margins"))

    def pick(self, rows: list[int]) -> "Answers":
        """The answers for some of the rows."""
        return Answers(
            [self.predictions[row] for row in rows],
            None if self.probabilities is None else [self.probabilities[row] for row in rows],
            None if self.margins is None else [self.margins[row] for row in rows],
        )


def answer(model: LoadedModel, signature: Signature, rows: Rows) -> Answers:
    """What a client who sends `rows` as instances would get."""
    handler = handlers.get(signature.handler)
    feeds = handler.preprocess(Payload("instances", rows), signature)
    said = handler.postprocess(model.predict(feeds), signature)
    return Answers(said.predictions, said.probabilities)


def accepted(signature: Signature, rows: Rows, *, field: str) -> Rows:
    """`rows` unchanged. Raises ValidationFailed sample_invalid when a client could not send them."""
    try:
        handlers.get(signature.handler).preprocess(Payload("instances", rows), signature)
    except InputInvalid as error:
        path = error.path.replace("instances", field, 1)
        raise ValidationFailed(
            "sample_invalid",
            f"The sample does not fit the model: {error.message.replace(error.path, path)} ({error.code}).",
            field=field,
        ) from error
    return rows


def golden(rows: Rows, answers: Answers, count: int) -> dict[str, Any]:
    """The first `count` inputs with their answers, for the check after each load; fewer where rows are as large as
    images."""
    fitting = cells = 0
    for row in rows[:count]:
        cells += _cells(row)
        if fitting and cells > GOLDEN_CELLS:
            break
        fitting += 1
    kept = answers.pick(list(range(fitting)))
    return {"instances": rows[:fitting], "predictions": kept.predictions, "probabilities": kept.probabilities}


def _cells(row: Any) -> int:
    if isinstance(row, dict):
        return sum(map(_cells, row.values()))
    return sum(map(_cells, row)) if isinstance(row, list) else 1


def has_gaps(prediction: Any) -> bool:
    """Whether an answer holds no value: NaN or infinity, which JSON cannot carry."""
    if isinstance(prediction, list):
        return any(has_gaps(part) for part in prediction)
    return prediction is None


def as_floats(values: list[Any]) -> "np.ndarray[Any, Any]":
    return np.array(values, dtype=np.float64)
