"""LightGBM's own model files (text): opened in the sandbox, and natively for trusted versions."""

import re
from typing import Any

import numpy as np

from inference.errors import ModelExecutionFailed, RuntimeUnavailable
from inference.runtimes.boosted import Boosted, BoostedClassifier, BoostedRegressor, two_columns
from inference.runtimes.sklearn import SklearnModel
from inference.signature import Signature

MISSING_LIBRARY = "LightGBM models need the package lightgbm: install the `lightgbm` extra."
NOT_NAMED = re.compile(r"Column_\d+")
CLASSIFYING = frozenset({"binary", "multiclass", "multiclassova"})


class LightgbmRuntime:
    """One thread per call; the library locks its boosters itself."""

    name = "lightgbm"

    def load(self, artifact: bytes, signature: Signature) -> SklearnModel:
        try:
            return SklearnModel(open_booster(artifact), signature)
        except RuntimeUnavailable:
            raise
        except Exception as error:
            raise ModelExecutionFailed(f"the model cannot be opened: {error!r}") from error


def open_booster(content: bytes) -> Boosted:
    """Raises RuntimeUnavailable, or what the library raises for a broken file."""
    try:
        import lightgbm
    except ImportError as error:
        raise RuntimeUnavailable(MISSING_LIBRARY) from error
    _require_whole(content)
    lightgbm.register_logger(_Silent())
    booster = lightgbm.Booster(model_str=content.decode(), params={"num_threads": 1})
    head = _head(content)
    objective = head.get("objective", "").partition(" ")[0]
    if objective in CLASSIFYING:
        model: Any = LightgbmClassifier(booster)
        model.classes_ = np.arange(max(int(head["num_class"]), 2))
    else:
        model = LightgbmRegressor(booster)
    model.objective = objective or "none"
    names = booster.feature_name()
    unnamed = all(NOT_NAMED.fullmatch(name) for name in names)
    return model.named(booster.num_feature(), None if unnamed else names)


def _require_whole(content: bytes) -> None:
    """The library trusts the sizes in the file's head with its memory: where they don't hold, it may abort."""
    start = content.find(b"\nTree=") + 1
    sizes = [int(size) for size in _head(content).get("tree_sizes", "").split()]
    if not start or not sizes or min(sizes) <= 0:
        raise ValueError("the file's head doesn't tell where its trees are")
    at = start
    for number, size in enumerate(sizes):
        if not content.startswith(b"Tree=%d\n" % number, at):
            raise ValueError(f"tree {number} isn't where the file's head says")
        at += size
    rest = content[at:]
    if not rest.lstrip().startswith(b"end of trees"):
        raise ValueError("the trees don't end where the file's head says")
    if b"\nparameters:" in rest and b"\nend of parameters" not in rest:
        raise ValueError("the file is cut off")


def _head(content: bytes) -> dict[str, str]:
    """The `key=value` lines above the first tree."""
    lines = content.partition(b"\nTree=")[0].decode().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


class _Silent:
    def info(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...


def _ask(model: Any, rows: Any) -> Any:
    return model.booster.predict(np.asarray(rows, dtype=np.float64), num_threads=1)


class LightgbmRegressor(BoostedRegressor):
    def scores(self, rows: Any) -> Any:
        return _ask(self, rows)


class LightgbmClassifier(BoostedClassifier):
    def scores(self, rows: Any) -> Any:
        found = _ask(self, rows)
        return found if found.ndim == 2 else two_columns(found)
