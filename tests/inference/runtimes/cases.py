"""The table of the contract suite: one toy model per runtime. A new runtime adds its row to `CASES`.

A case says what is served and what the model inside it answers; the tests in `test_contract` do the rest.
"""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from inference import handlers, runtimes
from inference.handlers import Payload, Predictions
from inference.runtimes import LoadedModel
from inference.signature import Column, Feed, Signature
from inference.validation import compiling, linear_text

ROOT = Path(__file__).parents[3]
LABELS = ["no", "yes", "no", "yes", "no"]
ROWS = [[0.0, 1.0], [1.0, 0.0], [0.2, 0.9], [0.9, 0.1], [-3.5, 2.0]]
BOOSTED = [[0.0, 1.0], [1.0, 0.0], [0.2, 0.9], [0.9, 0.1]] * 5
TABULAR = Signature(
    handler="tabular",
    task="classification",
    inputs=(Column("a", "float64"), Column("b", "float64")),
    feeds=(Feed("X", "float64", (0, 1), (-1, 2)),),
    labels_output="predict",
    probabilities_output="predict_proba",
    classes=("no", "yes"),
    has_probabilities=True,
)


@dataclass(frozen=True, slots=True)
class Made:
    """What is loaded, what a client sends, and what the original answers.

    probabilities: None for a model without them. tolerance: absolute, for probabilities and values.
    """

    artifact: bytes
    signature: Signature
    instances: list[Any]
    predictions: list[Any]
    probabilities: list[list[float]] | None = None
    tolerance: float = 1e-6

    def load(self, runtime: str) -> LoadedModel:
        return runtimes.get(runtime).load(self.artifact, self.signature)

    def feeds(self, instances: list[Any] | None = None) -> dict[str, Any]:
        """The arrays a handler makes of the instances."""
        handler = handlers.get(self.signature.handler)
        chosen = self.instances if instances is None else instances
        return handler.preprocess(Payload("instances", chosen), self.signature)

    def ask(self, model: LoadedModel, instances: list[Any] | None = None) -> Predictions:
        """What a client gets."""
        output = model.predict(self.feeds(instances))
        return handlers.get(self.signature.handler).postprocess(output, self.signature)


@dataclass(frozen=True, slots=True)
class Case:
    """One runtime under test.

    make: builds the toy; called once. needs: the optional package without which the case is skipped.
    imports: of `HEAVY`, what loading and predicting may import. wrong_feeds: arrays the model must refuse.
    broken: further bytes that must not load. stops: `run_options()` makes a flag that `predict` heeds.
    """

    runtime: str
    make: Callable[[], Made]
    needs: str = ""
    imports: frozenset[str] = frozenset()
    wrong_feeds: Callable[[], dict[str, Any]] | None = None
    broken: tuple[bytes, ...] = ()
    stops: bool = False
    name: str = field(default="")

    @property
    def id(self) -> str:
        return self.name or self.runtime


def _fitted() -> LogisticRegression:
    return LogisticRegression().fit(np.array(ROWS), LABELS)


def dumped(model: Any, **options: Any) -> bytes:
    """The bytes of a joblib file."""
    buffer = io.BytesIO()
    joblib.dump(model, buffer, **options)
    return buffer.getvalue()


def _onnx() -> Made:
    model = _fitted()
    compiled = compiling.compile_model(model, TABULAR, compiling.Candidate("float32", "float32"))
    rows = np.array(ROWS)
    return Made(
        compiled.content, compiled.signature, ROWS, model.predict(rows).tolist(), model.predict_proba(rows).tolist()
    )


def _sklearn() -> Made:
    model, rows = _fitted(), np.array(ROWS)
    return Made(dumped(model), TABULAR, ROWS, model.predict(rows).tolist(), model.predict_proba(rows).tolist())


def _skops() -> Made:
    from skops.io import dumps

    model, rows = _fitted(), np.array(ROWS)
    return Made(dumps(model), TABULAR, ROWS, model.predict(rows).tolist(), model.predict_proba(rows).tolist())


def _numbered(content: bytes, positive: Any) -> Made:
    """A booster that tells 0 from 1. positive: the library's own probabilities of 1."""
    signature = replace(TABULAR, classes=(0, 1), allows_missing=True)
    scores = [[1.0 - float(score), float(score)] for score in positive]
    return Made(content, signature, BOOSTED, [int(score > 0.5) for score in positive], scores)


def _xgboost() -> Made:
    from xgboost import DMatrix, train

    data = DMatrix(np.array(BOOSTED, dtype=float), [0, 1, 0, 1] * 5)
    booster = train({"objective": "binary:logistic", "nthread": 1, "min_child_weight": 0}, data, 4)
    return _numbered(bytes(booster.save_raw("ubj")), booster.predict(data))


def _lightgbm() -> Made:
    from lightgbm import Dataset, train

    rows = np.array(BOOSTED, dtype=float)
    settings = {"objective": "binary", "num_threads": 1, "verbose": -1, "min_data_in_leaf": 1, "min_data_in_bin": 1}
    booster = train(settings, Dataset(rows, [0, 1, 0, 1] * 5, params={"verbose": -1}), 4)
    return _numbered(booster.model_to_string().encode(), booster.predict(rows))


def _linear_text() -> Made:
    texts = ["good film", "Bad, bad FILM!", "a good plot", "", "नमस्ते good 你好"]
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(texts, LABELS)
    told = replace(
        TABULAR, handler="text", inputs=(Column("text", "string"),), feeds=(Feed("text", "string", (0,), (-1,)),)
    )
    content, told = linear_text.compile_text(model, told)
    return Made(content, told, texts, model.predict(texts).tolist(), model.predict_proba(texts).tolist(), 1e-12)


COLUMNS = Signature(
    handler="tabular",
    task="classification",
    inputs=tuple(Column(name, "float32") for name in "pqrs"),
    feeds=(Feed("x", "float32", (0, 1, 2, 3), (-1, 4)),),
    probabilities_output="output",
    classes=("a", "b", "c"),
    has_probabilities=True,
)


def _network(save: str) -> Callable[[], Made]:
    def make() -> Made:
        import torch

        from tests import programs

        network = programs.made(programs.Network())
        rows = [[0.1, 0.2, 0.3, 0.4], [3.0, -1.0, 0.5, 2.0], [-4.0, 1.0, 2.5, -2.0], [0.0, 9.0, -9.0, 1.0]]
        inputs = [] if save == "scripted" else [torch.zeros(2, 4)]
        scores = programs.answers(network, rows)
        labels = ["abc"[row.index(max(row))] for row in scores]
        return Made(getattr(programs, save)(network, *inputs), COLUMNS, rows, labels, scores)

    return make


def _no_texts() -> dict[str, Any]:
    return {"text": np.array([1.5])}


def _too_wide(dtype: str) -> Callable[[], dict[str, Any]]:
    return lambda: {"X": np.ones((1, 5), dtype=dtype)}


# Whatever a process that serves only compiled models must never hold.
HEAVY = frozenset(
    {
        "dask",
        "joblib",
        "lightgbm",
        "onnx",
        "onnxmltools",
        "onnxruntime",
        "onnxscript",
        "pandas",
        "scipy",
        "skl2onnx",
        "sklearn",
        "skops",
        "torch",
        "xgboost",
    }
)
SCIKIT_LEARN = frozenset({"joblib", "pandas", "scipy", "sklearn"})
CASES = [
    Case(
        "linear_text",
        _linear_text,
        stops=True,
        wrong_feeds=lambda: {"text": np.array([1.5])},
        broken=(b"linear-text 1\n\0\0",),
    ),
    Case("onnx", _onnx, imports=frozenset({"onnxruntime"}), wrong_feeds=_too_wide("float32"), stops=True),
    Case("sklearn", _sklearn, imports=SCIKIT_LEARN, wrong_feeds=_too_wide("float64"), broken=(b"\x80\x05N.",)),
    Case("skops", _skops, "skops", SCIKIT_LEARN | {"skops", "torch", "dask"}, _too_wide("float64"), (b"PK\x03\x04",)),
    Case("xgboost", _xgboost, "xgboost", SCIKIT_LEARN | {"xgboost"}, _too_wide("float64"), (b"{}",)),
    Case("lightgbm", _lightgbm, "lightgbm", SCIKIT_LEARN | {"lightgbm"}, _too_wide("float64"), (b"tree\n",)),
    Case(
        "torchscript",
        _network("scripted"),
        needs="torch",
        imports=frozenset({"torch"}),
        wrong_feeds=lambda: {"x": np.ones((1, 5), dtype="float32")},
    ),
    Case(
        "torch_export",
        _network("exported"),
        needs="torch",
        imports=frozenset({"torch"}),
        wrong_feeds=lambda: {"x": np.ones((1, 5), dtype="float32")},
    ),
]


@cache
def _made(case: Case) -> Made:
    return case.make()


def made(case: Case) -> Made:
    """The case's toy; skips the test when the runtime's library isn't installed."""
    if case.needs:
        pytest.importorskip(case.needs)
    return _made(case)


def environment(tmp_path: Path) -> dict[str, str]:
    """For a child process: the platform's own code, and a directory of the test's own to write to."""
    return {**os.environ, "VAR_DIR": str(tmp_path), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
