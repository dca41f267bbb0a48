"""Reads facts off a fitted scikit-learn model without running it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from inference.errors import ValidationFailed
from inference.runtimes import estimators
from inference.validation import boosted

DOUBLES_FIRST = frozenset(
    {
        "BisectingKMeans",
        "GammaRegressor",
        "HistGradientBoostingClassifier",
        "HistGradientBoostingRegressor",
        "KMeans",
        "KNeighborsClassifier",
        "KNeighborsRegressor",
        "LocalOutlierFactor",
        "MiniBatchKMeans",
        "NuSVC",
        "PoissonRegressor",
        "SVC",
        "TweedieRegressor",
    }
)
TRAINING_ONLY = {
    "FixedThresholdClassifier": "estimator_",
    "FrozenEstimator": "estimator",
    "GridSearchCV": "best_estimator_",
    "HalvingGridSearchCV": "best_estimator_",
    "HalvingRandomSearchCV": "best_estimator_",
    "RandomizedSearchCV": "best_estimator_",
    "SelfTrainingClassifier": "estimator_",
}
VECTORIZERS = ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer")


def require_predictor(model: Any, path: str = "model") -> None:
    """Raises ValidationFailed no_predict unless `model` is a fitted scikit-learn predictor."""
    from sklearn.base import BaseEstimator

    kind = type(model).__name__
    if not isinstance(model, BaseEstimator) and not hasattr(model, "get_params"):
        raise ValidationFailed(
            "no_predict",
            f"The file holds a {kind}, not a fitted estimator. Save the estimator or pipeline itself.",
            field="file",
        )
    if not callable(getattr(model, "predict", None)):
        raise ValidationFailed(
            "no_predict",
            f"{kind} has no predict method. Save the whole pipeline, ending in a model that predicts.",
            field="file",
        )


def require_fitted(model: Any) -> None:
    """Raises ValidationFailed no_predict for an estimator that knows itself that it was never fitted."""
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(model)
    except NotFittedError as error:
        kind = type(model).__name__
        message = f"The {kind} is not fitted. Call its fit, then save it and upload that file."
        raise ValidationFailed("no_predict", message, field="file") from error


def task_of(model: Any) -> str | None:
    """classification for classifiers, outlier detectors and clusterers; None when nothing says."""
    from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

    if is_classifier(model) or is_outlier_detector(model) or is_clusterer(model):
        return "classification"
    if is_regressor(model):
        return "regression"
    if hasattr(model, "predict_proba") or hasattr(model, "classes_"):
        return "classification"
    return None


def classes_of(model: Any) -> Any:
    """The class labels in the order of the probability columns; None when the model has none."""
    from sklearn.base import is_clusterer, is_outlier_detector

    if is_outlier_detector(model):
        return [-1, 1]
    found = getattr(model, "classes_", None)
    if found is None or isinstance(found, list):
        return None
    if is_clusterer(model):
        return None
    return found


def entries(model: Any) -> Iterator[Any]:
    """The parts that see the client's columns first."""
    pending, seen = [model], 0
    while pending and seen < 1000:
        part = pending.pop()
        seen += 1
        kind = type(part).__name__
        if hasattr(part, "best_estimator_"):
            pending.append(part.best_estimator_)
        elif kind == "Pipeline" and part.steps:
            first = next((s for _, s in part.steps if s not in (None, "passthrough")), None)
            if first is not None:
                pending.append(first)
        elif kind == "FeatureUnion":
            pending.extend(step for _, step in part.transformer_list if step not in ("drop", "passthrough"))
        else:
            inner = _inner(part)
            if inner:
                pending.extend(inner)
            else:
                yield part


def _inner(part: Any) -> list[Any]:
    """Meta-estimators hand their input on to the models inside."""
    calibrated = vars(part).get("calibrated_classifiers_")
    if calibrated:
        return [c.estimator for c in calibrated if hasattr(c, "estimator")]
    many = vars(part).get("estimators_")
    if isinstance(many, list) and many and type(part).__name__ not in ("AdaBoostClassifier",):
        return [e for e in many if hasattr(e, "get_params")]
    for name in ("estimator_", "regressor_"):
        inner = vars(part).get(name)
        if inner is not None and hasattr(inner, "get_params"):
            return [inner]
    return []


def needs_doubles(model: Any) -> bool:
    """Whether thresholds judge doubles or what another part has computed, distances are compared, or
    answers may outgrow single precision."""
    parts = list(estimators.walk(model))
    if any(type(part).__name__ in DOUBLES_FIRST or boosted.thinks_in_doubles(part) for part in parts):
        return True
    trees = any(hasattr(part, "tree_") or boosted.is_boosted(part) for part in parts)
    return trees and any(hasattr(part, "transform") for part in parts)


def without_training(model: Any) -> Any:
    """The fitted model inside those that only differ while they are trained."""
    while (name := TRAINING_ONLY.get(type(model).__name__)) is not None:
        model = getattr(model, name)
    return model


def takes_text(model: Any) -> bool:
    """Whether the first thing that happens to the input is counting words."""
    parts = list(entries(model))
    return bool(parts) and all(type(part).__name__ in VECTORIZERS for part in parts)


def column_transformers(model: Any) -> list[Any]:
    return [e for e in estimators.walk(model) if type(e).__name__ == "ColumnTransformer"]


def names_its_columns(model: Any) -> bool:
    """Whether the model was fitted on a data frame."""
    return _first([model, *entries(model)], "feature_names_in_") is not None


def needs_dataframe(model: Any, kinds: list[str]) -> bool:
    """Columns chosen by name, or of several types, reach the model only in a data frame."""
    return names_its_columns(model) and (bool(column_transformers(model)) or set(kinds) - {"float64"} != set())


def fitted_columns(model: Any) -> list[tuple[str, str]] | None:
    """(name, dtype) of each column the model was fitted on; None when it does not say."""
    parts = [model, *entries(model)]
    names = _first(parts, "feature_names_in_")
    count = _first(parts, "n_features_in_")
    if count is None and _first(parts, "X_thresholds_") is not None:
        count = 1
    if names is None and not isinstance(count, (int, np.integer)):
        return None
    if names is None:
        names = [f"feature_{at}" for at in range(int(count))]
    names = [str(name) for name in names]
    kinds = dict.fromkeys(range(len(names)), "float64")
    dropped: set[int] = set()
    for part in parts:
        if type(part).__name__ == "ColumnTransformer":
            dropped |= _read_transformers(part, names, kinds)
        else:
            _read_categories(part, list(range(len(names))), kinds)
    return [(name, kinds[at]) for at, name in enumerate(names) if at not in dropped]


def _read_transformers(part: Any, names: list[str], kinds: dict[int, str]) -> set[int]:
    """Fills `kinds` from a ColumnTransformer's fitted parts; returns columns that nothing uses."""
    used: set[int] = set()
    for _, transformer, columns in part.transformers_:
        own = places(columns, names)
        if isinstance(transformer, str):
            used |= set(own) if transformer == "passthrough" else set()
            continue
        used |= set(own)
        for entry in entries(transformer):
            if type(entry).__name__ in VECTORIZERS:
                kinds.update(dict.fromkeys(own, "string"))
            _read_categories(entry, own, kinds)
    named = getattr(part, "feature_names_in_", None) is not None
    return set(range(len(names))) - used if named else set()


def _read_categories(part: Any, columns: list[int], kinds: dict[int, str]) -> None:
    categories = vars(part).get("categories_")
    fill = vars(part).get("statistics_")
    if isinstance(categories, list):
        for place, values in zip(columns, categories, strict=False):
            kinds[place] = _kind_of(values)
    elif isinstance(fill, np.ndarray) and fill.dtype == object:
        for place, value in zip(columns, fill, strict=False):
            kinds[place] = "string" if isinstance(value, str) else kinds[place]


def _kind_of(values: Any) -> str:
    array = np.asarray(values)
    if array.dtype.kind in "US" or (array.dtype == object and any(isinstance(v, str) for v in array)):
        return "string"
    return "bool" if array.dtype.kind == "b" else "float64"


def places(columns: Any, names: list[str]) -> list[int]:
    """The positions of a ColumnTransformer's choice of columns: names, numbers, a slice or a mask."""
    if isinstance(columns, str):
        return [names.index(columns)]
    if isinstance(columns, slice):
        start, stop = columns.start, columns.stop
        if isinstance(start, str) or isinstance(stop, str):
            first = names.index(start) if start is not None else 0
            last = names.index(stop) if stop is not None else len(names) - 1
            return list(range(first, last + 1))
        return list(range(len(names)))[columns]
    array = np.asarray(columns).reshape(-1)
    if array.dtype.kind == "b":
        return [int(at) for at in np.flatnonzero(array)]
    return [names.index(c) if isinstance(c, str) else int(c) % max(len(names), 1) for c in array.tolist()]


def _first(parts: list[Any], attribute: str) -> Any:
    for part in parts:
        try:
            value = getattr(part, attribute, None)
        except Exception:  # noqa: S112 - a property of a fitted part may raise anything
            continue
        if value is not None:
            return value
    return None


def vectorizers_by_column(model: Any, names: tuple[str, ...]) -> dict[str, list[Any]]:
    """For each column that only vectorisers read: those vectorisers."""
    found: dict[str, list[Any]] = {}
    shared: set[str] = set()
    for part in entries(model):
        if type(part).__name__ != "ColumnTransformer":
            return {name: list(entries(model)) for name in names} if takes_text(model) else {}
        fitted = [str(name) for name in getattr(part, "feature_names_in_", names)]
        for _, transformer, columns in part.transformers_:
            readers = [] if isinstance(transformer, str) else list(entries(transformer))
            for at in places(columns, fitted):
                if readers and all(type(reader).__name__ in VECTORIZERS for reader in readers):
                    found.setdefault(fitted[at], []).extend(readers)
                else:
                    shared.add(fitted[at])
    return {name: readers for name, readers in found.items() if name not in shared}
