"""One small fitted model per classifier and regressor that scikit-learn lists, and of XGBoost's and LightGBM's."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn import datasets, linear_model, svm, tree
from sklearn.model_selection import train_test_split
from sklearn.utils import all_estimators

SEED = 0
# Constructor arguments for estimators that wrap others or need a choice.
ARGUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "CategoricalNB": lambda: {"min_categories": 6},
    "ClassifierChain": lambda: {"estimator": linear_model.LogisticRegression(max_iter=2000)},
    "FixedThresholdClassifier": lambda: {"estimator": linear_model.LogisticRegression(max_iter=2000)},
    "MultiOutputClassifier": lambda: {"estimator": tree.DecisionTreeClassifier(random_state=SEED)},
    "MultiOutputRegressor": lambda: {"estimator": linear_model.Ridge()},
    "LGBMClassifier": lambda: {"verbose": -1},
    "LGBMRegressor": lambda: {"verbose": -1},
    "OneVsOneClassifier": lambda: {"estimator": linear_model.LogisticRegression(max_iter=2000)},
    "OneVsRestClassifier": lambda: {"estimator": linear_model.LogisticRegression(max_iter=2000)},
    "OutputCodeClassifier": lambda: {
        "estimator": linear_model.LogisticRegression(max_iter=2000),
        "random_state": SEED,
    },
    "RadiusNeighborsClassifier": lambda: {"outlier_label": 0, "radius": 200.0},
    "RadiusNeighborsRegressor": lambda: {"radius": 1.0},
    "RegressorChain": lambda: {"estimator": linear_model.Ridge()},
    "SelfTrainingClassifier": lambda: {"estimator": linear_model.LogisticRegression(max_iter=2000)},
    "StackingClassifier": lambda: {"estimators": _classifiers()},
    "StackingRegressor": lambda: {"estimators": _regressors()},
    "TunedThresholdClassifierCV": lambda: {"estimator": linear_model.LogisticRegression(max_iter=2000)},
    "VotingClassifier": lambda: {"estimators": _classifiers()},
    "VotingRegressor": lambda: {"estimators": _regressors()},
}
BINARY = {"FixedThresholdClassifier", "TunedThresholdClassifierCV"}
TWO_TARGETS = {
    "ClassifierChain",
    "MultiOutputClassifier",
    "MultiOutputRegressor",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "RegressorChain",
    "CCA",
    "PLSCanonical",
}
COUNTS = {"CategoricalNB"}
BOOSTERS = {
    "lightgbm": ("LGBMClassifier", "LGBMRegressor"),
    "xgboost": ("XGBClassifier", "XGBRFClassifier", "XGBRFRegressor", "XGBRegressor"),
}
ONE_COLUMN = {"IsotonicRegression"}


@dataclass(frozen=True, slots=True)
class Case:
    """fit() makes the fitted model; held_out are rows it has not seen."""

    name: str
    task: str
    fit: Callable[[], Any]
    held_out: "np.ndarray[Any, Any]"


def cases() -> Iterator[Case]:
    for kind, task in (("classifier", "classification"), ("regressor", "regression")):
        for name, kind_of_model in all_estimators(type_filter=kind):
            yield _case(name, kind_of_model, task)
    yield from _boosters()


def _boosters() -> Iterator[Case]:
    """The families of XGBoost and LightGBM, where they are installed."""
    for library, names in BOOSTERS.items():
        if find_spec(library) is None:
            continue
        module = import_module(library)
        for name in names:
            task = "regression" if name.endswith("Regressor") else "classification"
            yield _case(name, getattr(module, name), task)
            if task == "classification":
                yield _case(name, getattr(module, name), task, binary=True)


def _case(name: str, kind_of_model: Any, task: str, *, binary: bool = False) -> Case:
    rows, target = _data(name, task)
    if binary:
        name, target = f"{name}, two classes", (target == 1).astype(int)
    seen, held_out, known, _ = train_test_split(rows, target, test_size=0.3, random_state=SEED)

    def fit() -> Any:
        arguments = ARGUMENTS.get(name.partition(",")[0], dict)()
        model = kind_of_model(**arguments)
        if "random_state" in model.get_params():
            model.set_params(random_state=SEED)
        return model.fit(seen, known)

    return Case(name, task, fit, held_out)


def _data(name: str, task: str) -> tuple[Any, Any]:
    """Wine for classifiers, diabetes for regressors; both are real and come with scikit-learn."""
    if task == "regression":
        rows, target = datasets.load_diabetes(return_X_y=True)
        if name in ONE_COLUMN:
            rows = rows[:, 2:3]
        if name in TWO_TARGETS:
            target = np.stack([target, target[::-1] + 10 * rows[:, 0]], axis=1)
        return rows, target
    rows, target = datasets.load_wine(return_X_y=True)
    if name in BINARY:
        target = (target == 1).astype(int)
    if name in TWO_TARGETS:
        target = np.stack([target, (target > 0).astype(int)], axis=1)
    if name in COUNTS:
        rows = np.clip(np.round(rows), 0, 5)
    return rows, target


def _classifiers() -> list[tuple[str, Any]]:
    return [
        ("logistic", linear_model.LogisticRegression(max_iter=2000)),
        ("tree", tree.DecisionTreeClassifier(max_depth=3, random_state=SEED)),
    ]


def _regressors() -> list[tuple[str, Any]]:
    return [("ridge", linear_model.Ridge()), ("vectors", svm.SVR(C=10.0))]
