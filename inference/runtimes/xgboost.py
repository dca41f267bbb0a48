"""XGBoost's own model files (JSON and UBJSON): opened in the sandbox, and natively for trusted versions."""

import json
from threading import Lock
from typing import Any

import numpy as np

from inference.errors import ModelExecutionFailed, RuntimeUnavailable
from inference.runtimes.boosted import Boosted, BoostedClassifier, BoostedLabels, BoostedRegressor, two_columns
from inference.runtimes.sklearn import SklearnModel
from inference.signature import Signature

MISSING_LIBRARY = "XGBoost models need the package xgboost: install the `xgboost` extra."
PROBABLE = frozenset({"binary:logistic", "multi:softprob", "multi:softmax"})
LABELLED = frozenset({"binary:hinge", "binary:logitraw"})


class XgboostRuntime:
    """One thread per call; boosters other than plain trees answer one call at a time."""

    name = "xgboost"

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
        from xgboost import Booster
    except ImportError as error:
        raise RuntimeUnavailable(MISSING_LIBRARY) from error
    if not content.startswith(b"{") or not content.rstrip().endswith(b"}"):
        raise ValueError("the file is cut off, or no model of XGBoost")  # the library may abort on it
    booster = Booster({"nthread": 1})
    booster.load_model(bytearray(content))
    told = json.loads(booster.save_config())["learner"]
    objective = told["learner_train_param"]["objective"]
    width = int(told["learner_model_param"]["num_feature"])
    classes = max(int(told["learner_model_param"]["num_class"]), 2)
    if objective in PROBABLE or objective in LABELLED:
        model: Any = (XgboostClassifier if objective in PROBABLE else XgboostLabels)(booster)
        model.classes_ = _classes(booster, classes)
    else:
        model = XgboostRegressor(booster)
    model.objective = objective
    model.is_shared = told["gradient_booster"]["name"] == "gbtree"
    model.lock = Lock()
    return model.named(width, booster.feature_names)


def iterations(booster: Any) -> tuple[int, int]:
    """The rounds that answer: up to the best one, where early stopping noted it; (0, 0) for all."""
    best = booster.attributes().get("best_iteration")
    return (0, 0) if best is None else (0, int(best) + 1)


def _classes(booster: Any, count: int) -> Any:
    """0, 1, … unless the attribute `classes` of the file names them."""
    told = booster.attr("classes")
    if told is None:
        return np.arange(count)
    names = json.loads(told)
    if not isinstance(names, list) or len(names) != count or len(set(map(str, names))) != count:
        raise ValueError(f"the attribute `classes` must be a JSON list of {count} different names")
    return np.array(names)


def _ask(model: Any, rows: Any, *, raw: bool) -> Any:
    from xgboost import DMatrix

    booster = model.booster
    data = DMatrix(
        np.asarray(rows, dtype=np.float64),
        missing=np.nan,
        nthread=1,
        feature_names=booster.feature_names,
        feature_types=booster.feature_types,
        enable_categorical=True,
    )

    def ask() -> Any:
        return booster.predict(data, output_margin=raw, iteration_range=iterations(booster))

    if model.is_shared:
        return ask()
    with model.lock:  # the library promises safe sharing for plain trees only
        return ask()


class XgboostRegressor(BoostedRegressor):
    def scores(self, rows: Any) -> Any:
        return _ask(self, rows, raw=False)


class XgboostClassifier(BoostedClassifier):
    def scores(self, rows: Any) -> Any:
        if self.objective == "multi:softmax":  # answers labels; its raw scores hold the probabilities
            raw = _ask(self, rows, raw=True)
            powers = np.exp(raw - raw.max(axis=1, keepdims=True))
            return powers / powers.sum(axis=1, keepdims=True)
        found = _ask(self, rows, raw=False)
        return found if found.ndim == 2 else two_columns(found)


class XgboostLabels(BoostedLabels):
    def scores(self, rows: Any) -> Any:
        return _ask(self, rows, raw=True)

    def decision_function(self, rows: Any) -> Any:
        return self.scores(rows)
