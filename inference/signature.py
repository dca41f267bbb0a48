"""The signature: what a client sends, how it is packed for the runtime, what comes back.

The JSON form (`to_dict`, `from_dict`) is stored with a model version; its `version` is 1.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

SIGNATURE_VERSION = 1
HANDLER_NAMES = ("tabular", "text", "tensor")
TASKS = ("classification", "regression")
DTYPES: dict[str, Any] = {
    "float32": np.float32,
    "float64": np.float64,
    "int64": np.int64,
    "string": object,
    "bool": np.bool_,
}
# What a runtime's own input may be narrower in; clients never see these.
FEED_DTYPES: dict[str, Any] = {
    **DTYPES,
    **{
        name: np.dtype(name).type
        for name in ("float16", "int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64")
    },
}
FOLDS = ("lowercase", "without_accents", "ascii_only", "single_spaces")
NUMBER_DTYPES = frozenset({"float32", "float64", "int64"})


class SignatureInvalid(ValueError):
    """A stored signature does not have the form this release understands."""


@dataclass(frozen=True, slots=True)
class Column:
    """One thing a client sends per instance: a cell (shape ()), or a tensor of `shape`.

    fold: what the handler does to a string before the model sees it, see `handlers.folding`.
    one_of: the only values the model takes, where it refuses others; None when it takes any.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] = ()
    fold: tuple[str, ...] = ()
    one_of: tuple[Any, ...] | None = None
    allowed: frozenset[Any] | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.one_of is not None:
            object.__setattr__(self, "allowed", frozenset(self.one_of))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; what is not set is left out."""
        told: dict[str, Any] = {"name": self.name, "dtype": self.dtype, "shape": [-1, *self.shape]}
        if self.fold:
            told["fold"] = list(self.fold)
        if self.one_of is not None:
            told["one_of"] = list(self.one_of)
        return told


@dataclass(frozen=True, slots=True)
class Feed:
    """One array the runtime gets: `columns` are indexes into the signature's inputs, side by side."""

    name: str
    dtype: str
    columns: tuple[int, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """Immutable; the derived fields at the end exist to keep the cost per request low."""

    handler: str
    task: str
    inputs: tuple[Column, ...]
    feeds: tuple[Feed, ...]
    labels_output: str | None = None
    probabilities_output: str | None = None
    classes: tuple[Any, ...] | None = None
    has_probabilities: bool = False
    allows_missing: bool = False
    dataframe: bool = False
    multi_output: int | None = None
    # derived
    names: tuple[str, ...] = field(init=False, repr=False, compare=False, default=())
    index: dict[str, int] = field(init=False, repr=False, compare=False, default_factory=dict)
    width: int = field(init=False, repr=False, compare=False, default=0)
    matrix_dtype: Any = field(init=False, repr=False, compare=False, default=None)
    text_feed: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        derive = object.__setattr__
        derive(self, "names", tuple(column.name for column in self.inputs))
        derive(self, "index", {name: at for at, name in enumerate(self.names)})
        derive(self, "width", len(self.inputs))
        if len(self.index) != self.width:
            raise SignatureInvalid("column names are not unique")
        derive(self, "matrix_dtype", self._single_matrix_dtype())
        derive(self, "text_feed", self._single_text_feed())

    def _single_matrix_dtype(self) -> Any:
        """The float type of the one matrix that holds every column in order, else None."""
        if self.handler != "tabular" or len(self.feeds) != 1 or self.dataframe:
            return None
        feed = self.feeds[0]
        same_order = feed.columns == tuple(range(self.width))
        floats = {"float32", "float64"}
        if not same_order or len(feed.shape) != 2 or feed.dtype not in floats:
            return None
        if any(column.dtype not in floats or column.one_of is not None for column in self.inputs):
            return None
        return DTYPES[feed.dtype]

    def _single_text_feed(self) -> str:
        """The name of the one feed that takes any texts, one per instance, as they are; else ""."""
        if self.handler != "text" or len(self.feeds) != 1 or self.width != 1:
            return ""
        feed, column = self.feeds[0], self.inputs[0]
        takes_any = column.dtype == "string" and not column.fold and column.one_of is None
        return feed.name if takes_any and feed.dtype == "string" and len(feed.shape) == 1 else ""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form. The shape a client sees for a cell is [-1]: one value per instance."""
        return {
            "version": SIGNATURE_VERSION,
            "handler": self.handler,
            "task": self.task,
            "inputs": [column.to_dict() for column in self.inputs],
            "feeds": [
                {
                    "name": feed.name,
                    "dtype": feed.dtype,
                    "columns": list(feed.columns),
                    "shape": list(feed.shape),
                }
                for feed in self.feeds
            ],
            "outputs": {"labels": self.labels_output, "probabilities": self.probabilities_output},
            "classes": None if self.classes is None else list(self.classes),
            "has_probabilities": self.has_probabilities,
            "allows_missing": self.allows_missing,
            "dataframe": self.dataframe,
            "multi_output": self.multi_output,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Signature":
        """Raises SignatureInvalid on anything that `to_dict` would not have written."""
        try:
            if data["version"] != SIGNATURE_VERSION:
                raise SignatureInvalid(f"signature version {data['version']!r} is not known")
            signature = cls(
                handler=_one_of(data["handler"], HANDLER_NAMES),
                task=_one_of(data["task"], TASKS),
                inputs=tuple(_column(entry) for entry in data["inputs"]),
                feeds=tuple(_feed(entry) for entry in data["feeds"]),
                labels_output=_name_or_none(data["outputs"]["labels"]),
                probabilities_output=_name_or_none(data["outputs"]["probabilities"]),
                classes=_classes(data["classes"]),
                has_probabilities=bool(data["has_probabilities"]),
                allows_missing=bool(data["allows_missing"]),
                dataframe=bool(data["dataframe"]),
                multi_output=None if data["multi_output"] is None else int(data["multi_output"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, SignatureInvalid):
                raise
            raise SignatureInvalid(f"the signature is malformed: {error!r}") from error
        for feed in signature.feeds:
            if any(not 0 <= at < signature.width for at in feed.columns):
                raise SignatureInvalid(f"feed {feed.name!r} names a column that does not exist")
        return signature


def _column(entry: dict[str, Any]) -> Column:
    _one_of(entry["dtype"], DTYPES)
    shape = tuple(int(size) for size in entry["shape"])
    fold = tuple(_one_of(step, FOLDS) for step in entry.get("fold", ()))
    return Column(_text(entry["name"]), entry["dtype"], shape[1:], fold, _classes(entry.get("one_of")))


def _feed(entry: dict[str, Any]) -> Feed:
    _one_of(entry["dtype"], FEED_DTYPES)
    return Feed(
        _text(entry["name"]),
        entry["dtype"],
        tuple(int(at) for at in entry["columns"]),
        tuple(int(size) for size in entry["shape"]),
    )


def _one_of(value: Any, allowed: Any) -> Any:
    if value not in allowed:
        raise SignatureInvalid(f"{value!r} is not one of {', '.join(allowed)}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise SignatureInvalid(f"{value!r} is not a name")
    return value


def _name_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _classes(value: Any) -> tuple[Any, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or any(not isinstance(entry, (str, int, float, bool)) for entry in value):
        raise SignatureInvalid("classes and allowed values must be strings, numbers or booleans")
    return tuple(value)
