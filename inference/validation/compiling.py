"""scikit-learn to ONNX: the ways to compile a model, tried in order until one answers as the original."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import onnx
from skl2onnx import convert_sklearn
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter
from skl2onnx.common.data_types import (
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    StringTensorType,
)
from sklearn.base import is_classifier

from inference.runtimes import estimators
from inference.signature import Feed, Signature
from inference.validation import converters, linear_text, structure, texts
from inference.validation.converters import neighbors

OPSET = {"": 18, "ai.onnx.ml": 3}
TENSOR_TYPES = {
    "float32": FloatTensorType,
    "float64": DoubleTensorType,
    "string": StringTensorType,
    "bool": BooleanTensorType,
}
NEUTRAL_SETTINGS: dict[str, dict[str, Any]] = {
    "KBinsDiscretizer": {"encode": "onehot-dense"},
    "VotingClassifier": {"flatten_transform": False},
}
DIVIDING = frozenset({"RobustScaler", "StandardScaler"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to compile: the float type of the inputs, and options for single parts by class name.

    The way `linear_text` is no graph but a form of our own.
    """

    name: str
    dtype: str
    options: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compiled:
    """runtime: the one that serves `content`."""

    content: bytes
    signature: Signature
    runtime: str = "onnx"


def candidates(model: Any, native: Signature) -> Iterator[Candidate]:
    """Single precision first, because it is fastest; double precision, with exact division, first
    where a rounded input could fall on the wrong side of a threshold."""
    if native.handler == "text":
        yield Candidate("linear_text", "float64")
        yield Candidate("text", "float32")
        return
    exact = {type(part).__name__: {"div": "div"} for part in estimators.walk(model) if type(part).__name__ in DIVIDING}
    single, double = Candidate("float32", "float32"), Candidate("float64", "float64", exact)
    yield from (double, single) if structure.needs_doubles(model) else (single, double)
    if neighbors.NAMES & {type(part).__name__ for part in estimators.walk(model)}:
        own = dict.fromkeys(neighbors.NAMES, neighbors.ROW_BY_ROW)
        yield Candidate("float64, row by row", "float64", {**exact, **own})


def compile_model(model: Any, native: Signature, candidate: Candidate) -> Compiled:
    """Raises whatever the compiler raises."""
    if candidate.name == "linear_text":
        return Compiled(*linear_text.compile_text(structure.without_training(model), native), "linear_text")
    folds = texts.folds_by_column(model, native.names)
    signature = _compiled_inputs(native, folds, candidate)
    types = [_tensor_type(feed) for feed in signature.feeds]
    model = structure.without_training(model)
    converters.register()
    options = _options(model, candidate)
    with warnings.catch_warnings(), _translatable(model, folds):
        warnings.simplefilter("ignore")
        converted = convert_sklearn(model, initial_types=types, options=options, target_opset=OPSET)
    return Compiled(converted.SerializeToString(), _with_outputs(signature, converted))


def _compiled_inputs(native: Signature, folds: dict[str, tuple[str, ...]], candidate: Candidate) -> Signature:
    """The native signature with the feeds that the compiled model takes."""
    inputs = tuple(replace(column, fold=folds.get(column.name, ())) for column in native.inputs)
    native = replace(native, inputs=inputs)
    if native.handler == "text":
        return replace(native, feeds=(Feed("text", "string", (0,), (-1, 1)),))
    if native.dataframe:
        feeds = tuple(
            Feed(_identifier(column.name, at), _feed_dtype(column.dtype, candidate), (at,), (-1, 1))
            for at, column in enumerate(native.inputs)
        )
        return replace(native, feeds=feeds, dataframe=False)
    feed = native.feeds[0]
    return replace(native, feeds=(Feed("X", _feed_dtype(feed.dtype, candidate), feed.columns, feed.shape),))


def _identifier(name: str, at: int) -> str:
    """The converter picks columns by name, so names stay."""
    return name or f"column_{at}"


def _feed_dtype(dtype: str, candidate: Candidate) -> str:
    return candidate.dtype if dtype.startswith("float") else dtype


def _tensor_type(feed: Feed) -> tuple[str, Any]:
    return feed.name, TENSOR_TYPES[feed.dtype]([None, feed.shape[1]])


def _options(model: Any, candidate: Candidate) -> dict[Any, Any]:
    options: dict[Any, Any] = {}
    for part in estimators.walk(model):
        kind = type(part).__name__
        if kind in candidate.options:
            options.setdefault(id(part), {}).update(candidate.options[kind])
        elif kind in structure.VECTORIZERS and (tokens := texts.tokens(part)) is not None:
            options[id(part)] = {"tokenexp": tokens, "locale": "C.UTF-8"}
        elif kind == "Pipeline":
            for _, step in part.steps:
                if is_classifier(step):
                    options.setdefault(id(step), {}).update(_matrix_output(step))
    if is_classifier(model):
        options.setdefault(id(model), {}).update(_matrix_output(model))
    return options


def _matrix_output(model: Any) -> dict[str, Any]:
    """Probabilities as one matrix; a step without an entry would be given options it may not know."""
    while type(model).__name__ == "Pipeline" and model.steps:
        model = model.steps[-1][1]
    try:
        allowed = get_converter(sklearn_operator_name_map[type(model)]).get_allowed_options()
    except (ValueError, KeyError):
        return {}
    return {"zipmap": False} if allowed and "zipmap" in allowed else {}


@contextmanager
def _translatable(model: Any, folds: dict[str, tuple[str, ...]]) -> Iterator[None]:
    """Settings that do not change answers, or that the handler takes over, as the compiler wants them."""
    changes: list[tuple[Any, dict[str, Any]]] = []
    for part in estimators.walk(model):
        kind = type(part).__name__
        if kind in structure.VECTORIZERS:
            changes.append((part, texts.neutral_settings(part, folded=bool(folds))))
        elif kind in NEUTRAL_SETTINGS and (kind != "KBinsDiscretizer" or part.encode == "onehot"):
            changes.append((part, NEUTRAL_SETTINGS[kind]))
    before = [(part, {name: getattr(part, name) for name in settings}) for part, settings in changes]
    for part, settings in changes:
        vars(part).update(settings)
    try:
        yield
    finally:
        for part, settings in before:
            vars(part).update(settings)


def _with_outputs(signature: Signature, converted: onnx.ModelProto) -> Signature:
    """Which outputs hold the labels and the probabilities; the compiler writes labels first."""
    names = [output.name for output in converted.graph.output]
    probabilities = names[1] if signature.has_probabilities and len(names) > 1 else None
    return replace(signature, labels_output=names[0], probabilities_output=probabilities)
