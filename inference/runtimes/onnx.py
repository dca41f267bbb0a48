"""ONNX Runtime: one session per version and process, shared by all threads."""

import os
from typing import Any

import numpy as np

from inference.errors import ModelExecutionFailed, RuntimeUnavailable
from inference.runtimes import assembling
from inference.runtimes.base import RawOutput
from inference.signature import Signature

# The library's makers want to hear from it; a serving process talks to nobody it was not told to. Told before it is
# imported it starts no thread for that, so that a server's master may import it for all.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
try:
    import onnxruntime as ort
except ImportError as error:  # pragma: no cover - a broken installation
    raise RuntimeUnavailable("ONNX models need the package onnxruntime") from error

FATAL_ONLY = 4  # everything else is raised, with its message
# More rows than this are run in parts: what a graph keeps in between stays bounded, and a part fits the caches.
ROWS_AT_ONCE = 500


class OnnxRuntime:
    """Loads ONNX bytes with one thread per call and no spinning, so that sessions share cores."""

    name = "onnx"

    def load(self, artifact: bytes, signature: Signature) -> "OnnxModel":
        try:
            session = open_session(artifact)
        except Exception as error:
            raise ModelExecutionFailed(f"ONNX Runtime refused the model: {error}") from error
        return OnnxModel(session, signature)


def open_session(artifact: bytes) -> Any:
    """A session of the library's. Raises what the library raises."""
    return ort.InferenceSession(artifact, sess_options=_session_options(), providers=["CPUExecutionProvider"])


def _session_options() -> Any:
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
        # What `session.run` calls after looking at the feeds, which the handler has made of this very signature.
        self._run = session._sess.run
        self._fetch, self._assemble = assembling.plan(signature)
        self._row_by_row = any(feed.shape[0] == 1 for feed in signature.feeds)

    run_options = staticmethod(ort.RunOptions)
    """Makes the options of one call; their `terminate` stops it."""

    def predict(self, feeds: "dict[str, np.ndarray[Any, Any]]", run_options: Any = None) -> RawOutput:
        try:
            if self._row_by_row:
                values = self._run_each(feeds, run_options)
            elif len(next(iter(feeds.values()))) > ROWS_AT_ONCE:
                values = self._run_parts(feeds, run_options)
            else:
                values = self._run(self._fetch, feeds, run_options)
        except Exception as error:
            raise ModelExecutionFailed(f"ONNX Runtime failed: {error}") from error
        return self._assemble(values)

    def _run_parts(self, feeds: "dict[str, np.ndarray[Any, Any]]", run_options: Any) -> list[Any]:
        rows = len(next(iter(feeds.values())))
        answers = [
            self._run(
                self._fetch, {name: values[at : at + ROWS_AT_ONCE] for name, values in feeds.items()}, run_options
            )
            for at in range(0, rows, ROWS_AT_ONCE)
        ]
        return [np.concatenate(parts) for parts in zip(*answers, strict=True)]

    def _run_each(self, feeds: "dict[str, np.ndarray[Any, Any]]", run_options: Any) -> list[Any]:
        rows = len(next(iter(feeds.values())))
        return assembling.one_by_one(
            [
                self._run(self._fetch, {name: values[row : row + 1] for name, values in feeds.items()}, run_options)
                for row in range(rows)
            ]
        )
