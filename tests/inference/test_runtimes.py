"""What single runtimes do beyond the contract that all of them keep (see `runtimes/`)."""

import io
import pickle
from typing import Any

import joblib
import numpy as np
import pytest
from onnx import TensorProto, helper
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from inference import runtimes
from inference.runtimes import estimators
from inference.signature import Column, Feed, Signature
from inference.validation import compiling

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.9], [0.9, 0.1]])
LABELS = np.array(["no", "yes", "no", "yes"])


def signature(**facts: Any) -> Signature:
    defaults: dict[str, Any] = {
        "handler": "tabular",
        "task": "classification",
        "inputs": (Column("a", "float64"), Column("b", "float64")),
        "feeds": (Feed("X", "float64", (0, 1), (-1, 2)),),
        "labels_output": "predict",
        "probabilities_output": "predict_proba",
        "classes": ("no", "yes"),
        "has_probabilities": True,
    }
    return Signature(**{**defaults, **facts})


def classifier() -> LogisticRegression:
    return LogisticRegression().fit(ROWS, LABELS)


def dumped(model: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(model, buffer, **options)
    return buffer.getvalue()


def as_onnx(model: Any) -> tuple[bytes, Signature]:
    compiled = compiling.compile_model(model, signature(), compiling.Candidate("float32", "float32"))
    return compiled.content, compiled.signature


def test_an_unknown_runtime_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        runtimes.get("abacus")


@pytest.mark.parametrize("options", [{}, {"compress": 3}, {"compress": ("xz", 3)}, {"compress": ("gzip", 3)}])
def test_native_models_open_in_every_compression(options: dict[str, Any]) -> None:
    model = runtimes.get("sklearn").load(dumped(classifier(), **options), signature())
    assert list(model.predict({"X": ROWS}).labels) == LABELS.tolist()


def test_native_models_open_from_plain_pickles() -> None:
    model = runtimes.get("sklearn").load(pickle.dumps(classifier()), signature())
    assert list(model.predict({"X": ROWS}).labels) == LABELS.tolist()


def test_native_models_fitted_on_data_frames_get_data_frames() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": ROWS[:, 0], "b": ROWS[:, 1]})
    feeds = (Feed("a", "float64", (0,), (-1,)), Feed("b", "float64", (1,), (-1,)))
    model = LogisticRegression().fit(frame, LABELS)
    native = runtimes.get("sklearn").load(dumped(model), signature(dataframe=True, feeds=feeds))
    assert list(native.predict({"a": ROWS[:, 0], "b": ROWS[:, 1]}).labels) == LABELS.tolist()


def test_native_models_run_on_one_thread() -> None:
    forest = RandomForestClassifier(2, n_jobs=-1).fit(ROWS, LABELS)
    native = runtimes.get("sklearn").load(dumped(forest), signature())
    assert native.model.n_jobs == 1


def test_the_walk_reaches_every_estimator_once() -> None:
    forest = RandomForestClassifier(3).fit(ROWS, LABELS)
    kinds = [type(part).__name__ for part in estimators.walk({"model": [forest, forest]})]
    assert kinds.count("RandomForestClassifier") == 1
    assert kinds.count("DecisionTreeClassifier") == 4  # three trees and the pattern they were made from


def scores_graph(shape: list[Any], kind: str = "Identity") -> bytes:
    graph = helper.make_graph(
        [helper.make_node(kind, ["X"], ["scores"])],
        "scores",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def test_scores_without_labels_give_the_best_class() -> None:
    told = signature(
        labels_output=None,
        probabilities_output="scores",
        feeds=(Feed("X", "float32", (0, 1), (-1, 2)),),
    )
    model = runtimes.get("onnx").load(scores_graph([None, 2]), told)
    said = model.predict({"X": np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)})
    assert list(said.labels) == ["no", "yes"]
    assert said.probabilities is not None


def test_a_single_score_is_that_of_the_second_class() -> None:
    told = signature(
        labels_output=None,
        probabilities_output="scores",
        inputs=(Column("a", "float64"),),
        feeds=(Feed("X", "float32", (0,), (-1, 1)),),
    )
    model = runtimes.get("onnx").load(scores_graph([None, 1]), told)
    said = model.predict({"X": np.array([[0.25], [0.75]], dtype=np.float32)})
    assert list(said.labels) == ["no", "yes"]
    assert said.probabilities == pytest.approx(np.array([[0.75, 0.25], [0.25, 0.75]]))


def test_a_graph_for_one_row_at_a_time_answers_many() -> None:
    told = signature(
        task="regression",
        labels_output="scores",
        probabilities_output=None,
        classes=None,
        has_probabilities=False,
        feeds=(Feed("X", "float32", (0, 1), (1, 2)),),
    )
    model = runtimes.get("onnx").load(scores_graph([1, 2]), told)
    rows = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32)
    assert model.predict({"X": rows}).labels.tolist() == rows.tolist()


def test_regressors_answer_values() -> None:
    model = LinearRegression().fit(ROWS, ROWS @ [2.0, 3.0])
    native = runtimes.get("sklearn").load(
        dumped(model), signature(task="regression", classes=None, has_probabilities=False)
    )
    assert native.predict({"X": ROWS}).labels == pytest.approx(ROWS @ [2.0, 3.0])


def test_a_model_that_needs_no_columns_answers_too() -> None:
    native = runtimes.get("sklearn").load(dumped(DummyClassifier().fit(ROWS, LABELS)), signature())
    assert set(native.predict({"X": ROWS}).labels) <= {"no", "yes"}
