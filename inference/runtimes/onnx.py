"""ONNX Runtime: one session per version and process, shared by all threads."""

from collections.abc import Callable
from typing import Any

import numpy as np

from inference.errors import ModelExecutionFailed, RuntimeUnavailable
from inference.runtimes.base import RawOutput
from inference.signature import Signature

try:
    import onnxruntime as ort
except ImportError as error:  # pragma: no cover - a broken installation
    raise RuntimeUnavailable("ONNX models need the package onnxruntime") from error

# The library's makers want to hear from it; a serving process talks to nobody it was not told to.
ort.disable_telemetry_events()

FATAL_ONLY = 4  # everything else is raised, with its message
Assemble = Callable[[list[Any]], RawOutput]


class OnnxRuntime:
    """Loads ONNX bytes with one thread per call and no spinning, so that sessions share cores."""

    name = "onnx"

    def load(self, artifact: bytes, signature: Signature) -> "OnnxModel":
        try:
            session = ort.InferenceSession(artifact, sess_options=session_options(), providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ModelExecutionFailed(f"ONNX Runtime refused the model: {error}") from error
        return OnnxModel(session, signature)


def session_options() -> Any:
    """Sequential, one thread, no arena: predictable latency and memory for many small models."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = False
    options.log_severity_level = FATAL_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


class OnnxModel:
    """`predict` may be given RunOptions, whose `terminate` flag another thread can raise.

    A graph made for exactly one row (a feed of shape [1, ...]) is run once per row.
    """

    __slots__ = ("_assemble", "_fetch", "_row_by_row", "_run", "session")

    def __init__(self, session: Any, signature: Signature) -> None:
        self.session = session
        self._run = session.run
        self._fetch, self._assemble = _plan(signature)
        self._row_by_row = any(feed.shape[0] == 1 for feed in signature.feeds)

    run_options = staticmethod(ort.RunOptions)
    """Makes the options of one call; their `terminate` stops it."""

    def predict(self, feeds: "dict[str, np.ndarray[Any, Any]]", run_options: Any = None) -> RawOutput:
        try:
            if self._row_by_row:
                values = self._run_each(feeds, run_options)
            else:
                values = self._run(self._fetch, feeds, run_options)
        except Exception as error:
            raise ModelExecutionFailed(f"ONNX Runtime failed: {error}") from error
        return self._assemble(values)

    def _run_each(self, feeds: "dict[str, np.ndarray[Any, Any]]", run_options: Any) -> list[Any]:
        rows = len(next(iter(feeds.values())))
        answers = [
            self._run(self._fetch, {name: values[row : row + 1] for name, values in feeds.items()}, run_options)
            for row in range(rows)
        ]
        return [np.concatenate([np.reshape(part, (1, -1)) for part in parts]) for parts in zip(*answers, strict=True)]


def _plan(signature: Signature) -> tuple[list[str], Assemble]:
    """Which outputs to ask for, and how to make one RawOutput of them; decided once, at load."""
    labels, scores = signature.labels_output, signature.probabilities_output
    if labels is not None and scores is not None and signature.has_probabilities:
        return [labels, scores], _labels_and_probabilities
    if labels is not None:
        return [labels], _labels_only
    if scores is None:
        raise ModelExecutionFailed("the signature names no output")
    return [scores], _argmax(signature)


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
