"""What a runtime is. Called by the model cache (load) and by the predictor (predict)."""

from typing import Any, NamedTuple, Protocol

import numpy as np

from inference.signature import Signature


class RawOutput(NamedTuple):
    """What the model said, before the handler makes it plain.

    labels: n values (classification, regression) or n rows of k values (multi-output).
    probabilities: (n, number of classes), columns in the order of the signature's classes.
    """

    labels: "np.ndarray[Any, Any] | list[Any]"
    probabilities: "np.ndarray[Any, Any] | None"


class LoadedModel(Protocol):
    """A model in memory."""

    def predict(self, feeds: "dict[str, np.ndarray[Any, Any]]") -> RawOutput:
        """One call for all rows; safe to call from several threads at once.

        A model that can be stopped also has `run_options()`, takes what that makes as its second argument, and raises
        ModelExecutionFailed soon after another thread has set `terminate` on it. One whose time is bounded by its input
        says so by `is_bounded`. Any other that overruns its deadline is left behind on a thread of its own, and the
        process is replaced.

        feeds: the arrays the signature's feeds describe, by name.
        Raises ModelExecutionFailed with the library's own words.
        """
        ...


class Runtime(Protocol):
    """Loads one format."""

    name: str

    def load(self, artifact: bytes, signature: Signature) -> LoadedModel:
        """Raises RuntimeUnavailable when a library is missing, ModelExecutionFailed when the
        library refuses the artifact."""
        ...
