"""The model as every peer runs it: one call from rows to labels and probabilities.

SERVED_MODEL is the path of a joblib or an ONNX file. One thread per prediction, as on the platform.
"""

import os
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

PATH = os.environ["SERVED_MODEL"]
IS_ONNX = PATH.endswith(".onnx")
IS_TEXT = os.path.basename(PATH).startswith("text")


class Native:
    """scikit-learn itself."""

    def __init__(self) -> None:
        import joblib

        self._model = joblib.load(PATH)
        self._classes = self._model.classes_

    def predict(self, rows: Any) -> tuple[list[Any], Any]:
        scores = self._model.predict_proba(rows)
        return self._classes[scores.argmax(axis=1)].tolist(), scores


class Onnx:
    """ONNX Runtime."""

    def __init__(self) -> None:
        import numpy
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._numpy = numpy
        self._session = onnxruntime.InferenceSession(PATH, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()]

    def predict(self, rows: Any) -> tuple[list[Any], Any]:
        rows = self._numpy.asarray(rows, dtype=self._numpy.float32)
        labels, scores = self._session.run(self._outputs, {self._input: rows})
        return labels.tolist(), scores


def load() -> Any:
    return Onnx() if IS_ONNX else Native()


def answer(model: Any, rows: Any) -> dict[str, Any]:
    labels, scores = model.predict(rows)
    return {"predictions": labels, "probabilities": scores.tolist()}
