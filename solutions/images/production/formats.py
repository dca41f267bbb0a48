"""The three exported files: their names, how each is opened, what it takes, and what warms it up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference import runtimes
from inference.runtimes.base import LoadedModel
from inference.signature import Column, Feed, Signature
from solutions.images import ADVICE, FAMILIES, FAMILY, QUALITY, SIZE, features, parameters

Feeds = dict[str, "np.ndarray[Any, Any]"]
_IMAGE = Column("image", "float32", (3, SIZE, SIZE))
_PARAMETERS = Column("parameters", "float32", (len(parameters.NAMES),))
_WARM_UP_SEED = 0


@dataclass(frozen=True, slots=True)
class Format:
    """One way a model may be exported. opened: from the file's bytes. runtime: as the platform calls it."""

    filename: str
    runtime: str
    opened: Callable[[bytes], LoadedModel]


def of(name: str) -> tuple[Format, ...]:
    """The formats of a model, the preferred one first; the others are for where it or its library is missing."""
    return _FORMATS[name]


def warm_up(name: str) -> Feeds:
    """Random tensors of the right shapes: (1, 3, 224, 224), and (1, 8) for the predictor."""
    random = np.random.default_rng(_WARM_UP_SEED)
    image = random.standard_normal((1, 3, SIZE, SIZE)).astype(np.float32)
    if name == QUALITY:
        return {"image": image, "parameters": random.standard_normal((1, 8)).astype(np.float32)}
    if name == FAMILY:
        return {"image": image}
    return {"features": random.standard_normal((1, len(features.NAMES)))}


def signature_of(name: str, *, inputs: list[str], outputs: list[str]) -> Signature:
    """What a model takes and gives, with the names that its file has for its inputs and outputs."""
    columns, task = _TAKEN[name]
    if len(inputs) != len(columns):
        raise ValueError(f"{name} takes {len(columns)} inputs; the file has {len(inputs)}")
    return Signature(
        handler="tensor",
        task=task,
        inputs=columns,
        feeds=tuple(
            Feed(given, column.dtype, (at,), (-1, *column.shape))
            for at, (given, column) in enumerate(zip(inputs, columns, strict=True))
        ),
        labels_output=None if task == "classification" else outputs[0],
        probabilities_output=outputs[0] if task == "classification" else None,
        classes=FAMILIES if task == "classification" else None,
        has_probabilities=task == "classification",
        multi_output=len(parameters.NAMES) if name == ADVICE else None,
    )


class _ByPosition:
    """A loaded model whose inputs are given by our names, whatever its file calls them."""

    def __init__(self, model: LoadedModel, signature: Signature) -> None:
        self._model, self.signature = model, signature
        self._names = {column.name: feed.name for column, feed in zip(signature.inputs, signature.feeds, strict=True)}

    def predict(self, feeds: Feeds) -> Any:
        return self._model.predict({self._names[name]: array for name, array in feeds.items()})


def _onnx(name: str) -> Callable[[bytes], LoadedModel]:
    def opened(content: bytes) -> LoadedModel:
        from inference.runtimes.onnx import OnnxModel, open_session

        session = open_session(content)
        inputs, outputs = ([one.name for one in side] for side in (session.get_inputs(), session.get_outputs()))
        signature = signature_of(name, inputs=inputs, outputs=outputs)
        return _ByPosition(OnnxModel(session, signature), signature)

    return opened


def _torchscript(content: bytes) -> LoadedModel:
    signature = signature_of(QUALITY, inputs=["image", "parameters"], outputs=["output"])
    return _ByPosition(runtimes.get("torchscript").load(content, signature), signature)


def _pickled(content: bytes) -> LoadedModel:
    signature = signature_of(ADVICE, inputs=["features"], outputs=["parameters"])
    return _ByPosition(runtimes.get("sklearn").load(content, signature), signature)


_TAKEN: dict[str, tuple[tuple[Column, ...], str]] = {
    QUALITY: ((_IMAGE, _PARAMETERS), "regression"),
    FAMILY: ((_IMAGE,), "classification"),
    ADVICE: ((Column("features", "float64", (len(features.NAMES),)),), "regression"),
}
_FORMATS: dict[str, tuple[Format, ...]] = {
    QUALITY: (
        Format(f"{QUALITY}.torchscript", "torchscript", _torchscript),
        Format(f"{QUALITY}.onnx", "onnx", _onnx(QUALITY)),
    ),
    FAMILY: (Format(f"{FAMILY}.onnx", "onnx", _onnx(FAMILY)),),
    ADVICE: (
        Format(f"{ADVICE}.pkl", "sklearn", _pickled),
        Format(f"{ADVICE}.onnx", "onnx", _onnx(ADVICE)),
    ),
}
NAMES = tuple(_FORMATS)
