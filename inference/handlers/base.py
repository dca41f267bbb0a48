"""What a handler is. Called by the predictor, before and after the runtime."""

from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from inference.runtimes.base import RawOutput
from inference.signature import Signature

Arrays = dict[str, "np.ndarray[Any, Any]"]
PayloadKind = Literal["instances", "inputs", "dataframe_split", "dataframe_records"]


class Payload(NamedTuple):
    """The one data field of a request, as strict JSON parsed it.

    instances: rows (lists, objects, strings or bare cells); inputs: {column: [cells]};
    dataframe_split: {"columns": [...], "data": [[...]]}; dataframe_records: [{column: cell}].
    """

    kind: PayloadKind
    data: Any


class Predictions(NamedTuple):
    """Plain Python values that JSON can carry: no numpy, no NaN, no infinity."""

    predictions: list[Any]
    probabilities: list[list[float | None]] | None
    classes: list[Any] | None
    confidence: list[float | None] | None


class Handler(Protocol):
    """Translates between a client's words and the runtime's arrays; keeps no state."""

    def count_rows(self, payload: Payload) -> int:
        """Rows in the payload without building arrays. Raises InputInvalid when it has no rows
        or not the form its kind demands."""
        ...

    def preprocess(self, payload: Payload, signature: Signature) -> Arrays:
        """The signature's feeds. Raises InputInvalid with path, row and column."""
        ...

    def postprocess(self, output: RawOutput, signature: Signature) -> Predictions:
        """The answer in plain values."""
        ...
