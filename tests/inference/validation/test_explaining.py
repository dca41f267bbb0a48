"""Explanations of models of columns: each adds up to the original's own margin, and agrees with other libraries."""

import warnings
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import ensemble, linear_model, naive_bayes, svm, tree
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

from inference.explaining import files
from inference.explaining.columns import features_of
from inference.explaining.explainers import Columns
from inference.signature import Signature
from inference.validation import explaining, reference
from inference.validation.explaining.columns import of_client, through

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(300, 5)).round(3)
TWO = (ROWS[:, 0] - ROWS[:, 1] ** 2 > -0.5).astype(int)
THREE = np.digitize(ROWS[:, 0] + 0.3 * ROWS[:, 2], [-0.5, 0.5])
NUMBERS = 3 * ROWS[:, 0] + ROWS[:, 1] * ROWS[:, 2]
COUNTS = RANDOM.poisson(np.exp(ROWS[:, 0] * 0.5))
FRAME = pd.DataFrame(
    {
        "age": np.where(RANDOM.random(300) < 0.1, np.nan, RANDOM.integers(18, 80, 300)),
        "unused": RANDOM.random(300),
        "color": RANDOM.choice(["red", "green", "blue", "rare"], 300, p=[0.5, 0.3, 0.19, 0.01]),
        "size": RANDOM.normal(size=300),
        "grade": RANDOM.choice(["low", "mid", "high"], 300),
    }
)


def prepared() -> Any:
    return make_column_transformer(
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["age"]),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10), ["color"]),
        (OrdinalEncoder(categories=[["low", "mid", "high"]]), ["grade"]),
        ("passthrough", ["size"]),
    )


def explained(
    model: Any, rows: Any, labels: Any, sample: Any = None
) -> tuple[dict[str, Any], Columns | None, Signature]:
    """What is told, the explainer as read from its file, and the signature."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(rows, labels)
        original = reference.build(model, task=None, handler=None, sample=sample)
        told, plan = explaining.plan_for(model, original, original.signature)
    return told, None if plan is None else Columns(files.read(plan)), original.signature


def odds(share: Any) -> Any:
    return np.log(share) - np.log1p(-share)


ADDITIVE = {
    "logistic regression": (linear_model.LogisticRegression(), TWO, "linear", "log-odds"),
    "scaled logistic regression": (
        make_pipeline(StandardScaler(), linear_model.LogisticRegression()),
        TWO,
        "linear",
        "log-odds",
    ),
    "several classes": (linear_model.LogisticRegression(), THREE, "linear", "log-odds"),
    "a search": (GridSearchCV(linear_model.LogisticRegression(), {"C": [1, 2]}, cv=2), TWO, "linear", "log-odds"),
    "components": (
        make_pipeline(StandardScaler(), PCA(3, whiten=True), linear_model.LogisticRegression()),
        THREE,
        "linear",
        "log-odds",
    ),
    "svd": (make_pipeline(TruncatedSVD(3), StandardScaler(), linear_model.Ridge()), NUMBERS, "linear", "value"),
    "ridge": (linear_model.Ridge(), NUMBERS, "linear", "value"),
    "poisson": (linear_model.PoissonRegressor(), COUNTS, "linear", "log of the value"),
    "linear support vectors": (svm.LinearSVC(), THREE, "linear", "score"),
    "kernel machine, linear": (svm.SVC(kernel="linear"), TWO, "linear", "score"),
    "one-class": (linear_model.SGDOneClassSVM(), None, "linear", "score"),
    "selected": (
        make_pipeline(SelectKBest(k=2), tree.DecisionTreeClassifier(max_depth=4)),
        TWO,
        "tree_shap",
        "probability",
    ),
    "tree": (tree.DecisionTreeRegressor(max_depth=5), NUMBERS, "tree_shap", "value"),
    "forest": (ensemble.RandomForestClassifier(20, max_depth=6), THREE, "tree_shap", "probability"),
    "extra trees": (ensemble.ExtraTreesRegressor(20, max_depth=6), NUMBERS, "tree_shap", "value"),
    "bag": (ensemble.BaggingClassifier(n_estimators=5, max_features=3), TWO, "tree_shap", "probability"),
    "gradient boosting": (ensemble.GradientBoostingClassifier(n_estimators=20), TWO, "tree_shap", "log-odds"),
    "gradient boosting, three": (ensemble.GradientBoostingClassifier(n_estimators=10), THREE, "tree_shap", "log-odds"),
    "boosting behind a scaler": (
        make_pipeline(StandardScaler(), ensemble.GradientBoostingRegressor()),
        NUMBERS,
        "tree_shap",
        "value",
    ),
    "histogram boosting": (ensemble.HistGradientBoostingClassifier(max_iter=20), TWO, "tree_shap", "log-odds"),
    "histogram boosting, counts": (
        ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=20),
        COUNTS,
        "tree_shap",
        "log of the value",
    ),
    "isolation": (
        ensemble.IsolationForest(n_estimators=30, max_features=3),
        None,
        "tree_shap",
        "log2 of the anomaly score",
    ),
    "xgboost": (xgboost.XGBClassifier(n_estimators=15), TWO, "tree_shap", "log-odds"),
    "xgboost, three": (xgboost.XGBClassifier(n_estimators=8), THREE, "tree_shap", "log-odds"),
    "lightgbm": (lightgbm.LGBMClassifier(n_estimators=15, verbose=-1), TWO, "tree_shap", "log-odds"),
    "lightgbm, steep": (
        lightgbm.LGBMClassifier(n_estimators=15, verbose=-1, sigmoid=2.0),
        TWO,
        "tree_shap",
        "log-odds",
    ),
    "lightgbm, forest": (
        lightgbm.LGBMRegressor(boosting_type="rf", bagging_freq=1, bagging_fraction=0.6, n_estimators=9, verbose=-1),
        NUMBERS,
        "tree_shap",
        "value",
    ),
}


@pytest.mark.parametrize("name", ADDITIVE)
def test_base_and_contributions_add_up_to_the_originals_own_margin(name: str) -> None:
    model, labels, method, unit = ADDITIVE[name]
    told, explainer, signature = explained(model, ROWS, labels)
    assert (told.get("method"), told.get("unit")) == (method, unit), told
    assert explainer is not None

    for row in RANDOM.normal(size=(8, 5)).round(3):
        said = model.predict([row])[0]
        place = None if signature.task == "regression" else list(signature.classes or ()).index(said)
        told_of = explainer.explain(row.tolist(), signature.names, of=said, place=place, most=3)
        total = told_of.base + sum(one.contribution for one in told_of.contributions) + told_of.rest
        assert total == pytest.approx(told_of.margin, abs=1e-9)
        assert told_of.margin == pytest.approx(margin_of(model, row, place, unit), rel=1e-4, abs=1e-4)


def margin_of(model: Any, row: Any, place: int | None, unit: str) -> float:
    """The margin that speaks for the class, by the model's own methods."""
    if unit == "value":
        return float(model.predict([row])[0])
    if unit == "log of the value":
        return float(np.log(model.predict([row])[0]))
    if unit == "log2 of the anomaly score":
        return float(np.log2(-model.score_samples([row])[0]))
    if unit == "probability":
        return float(model.predict_proba([row])[0, place])
    if unit == "log-odds" and len(model.classes_) == 2:
        return float(odds(model.predict_proba([row])[0, place]))
    if hasattr(model, "decision_function"):
        scores = np.atleast_1d(model.decision_function([row])[0])
        return float(scores[place] if len(scores) > 1 else scores[0] * (1 if place else -1))
    library = (
        model.predict([row], output_margin=True)
        if hasattr(model, "get_booster")
        else model.predict([row], raw_score=True)
    )
    return float(np.asarray(library)[0, place])


def test_columns_of_a_pipeline_are_the_clients_own() -> None:
    labels = (FRAME["size"] + (FRAME["color"] == "red") + FRAME["age"].fillna(40) / 40 > 1.6).astype(int)
    model = make_pipeline(prepared(), linear_model.LogisticRegression(C=100))
    told, explainer, signature = explained(model, FRAME, labels)
    assert explainer is not None, told

    cells = [30.0, "red", 0.5, "mid"]
    row = explainer.explain(cells, signature.names, of=1, place=1, most=10)
    asked = pd.DataFrame([{"age": 30.0, "unused": 0.0, "color": "red", "size": 0.5, "grade": "mid"}])
    assert signature.names == ("age", "color", "size", "grade")
    assert {one.name: one.value for one in row.contributions} == {
        "age": 30.0,
        "color": "red",
        "size": 0.5,
        "grade": "mid",
    }
    assert row.margin == pytest.approx(model.decision_function(asked)[0])
    assert told["baseline"] == "zero"


def test_linear_models_are_compared_with_the_sample_where_the_training_rows_are_gone() -> None:
    sample = ROWS[:50].tolist()
    model = linear_model.Ridge()
    told, explainer, signature = explained(model, ROWS, NUMBERS, sample=sample)
    assert explainer is not None

    row = explainer.explain(sample[0], signature.names, of=None, place=None, most=5)
    moved = {one.name: one.contribution for one in row.contributions}
    assert told["baseline"] == "sample rows"
    assert row.base == pytest.approx(model.predict(ROWS[:50]).mean())
    assert moved["feature_0"] == pytest.approx(model.coef_[0] * (sample[0][0] - ROWS[:50, 0].mean()))


def test_a_scaler_keeps_the_mean_of_the_training_rows() -> None:
    model = make_pipeline(StandardScaler(), linear_model.Ridge())
    told, explainer, signature = explained(model, ROWS, NUMBERS)
    assert explainer is not None

    row = explainer.explain(ROWS[0].tolist(), signature.names, of=None, place=None, most=5)
    assert told["baseline"] == "training rows"
    assert row.base == pytest.approx(NUMBERS.mean())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (svm.SVC(), "SVC"),
        (GaussianProcessRegressor(), "GaussianProcessRegressor"),
        (naive_bayes.GaussianNB(), "GaussianNB"),
        (make_pipeline(PolynomialFeatures(), linear_model.LogisticRegression()), "PolynomialFeatures"),
        (make_pipeline(PCA(2), tree.DecisionTreeClassifier()), "projection"),
        (TransformedTargetRegressor(linear_model.Ridge(), func=np.cbrt, inverse_func=lambda value: value**3), ""),
        (ensemble.GradientBoostingClassifier(init=linear_model.LogisticRegression()), "another model"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_is_no_sum_of_its_columns_is_said_to_be_none(model: Any, words: str) -> None:
    told, explainer, _ = explained(model, ROWS, TWO)

    assert explainer is None
    assert told["code"] == "not_covered"
    assert words in told["message"]


def test_a_model_that_answers_otherwise_than_its_weights_say_gets_no_plan() -> None:
    class Stubborn(linear_model.LogisticRegression):
        def decision_function(self, rows: Any) -> Any:
            return super().decision_function(rows) + np.asarray(rows)[:, 0] * np.asarray(rows)[:, 1]

        def predict_proba(self, rows: Any) -> Any:
            second = 1 / (1 + np.exp(-self.decision_function(rows)))
            return np.column_stack([1 - second, second])

    told, explainer, _ = explained(Stubborn(), ROWS, TWO)
    assert explainer is None
    assert "not what it answers" in told["message"]


TRANSFORMERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    MinMaxScaler(),
    MinMaxScaler((-2, 3), clip=True),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(with_scaling=False),
    SimpleImputer(),
    SimpleImputer(strategy="median", add_indicator=True),
    SimpleImputer(strategy="constant", fill_value=7),
    MissingIndicator(features="all"),
    Binarizer(threshold=0.3),
    KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"),
    KBinsDiscretizer(3, encode="ordinal", quantile_method="averaged_inverted_cdf"),
    FunctionTransformer(np.cbrt),
    FunctionTransformer(),
    make_union(StandardScaler(), MinMaxScaler()),
    make_pipeline(SimpleImputer(), RobustScaler(), Binarizer()),
]
CODERS = [
    OneHotEncoder(handle_unknown="ignore"),
    OneHotEncoder(drop="first", handle_unknown="ignore"),
    OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
    OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10),
    OneHotEncoder(handle_unknown="ignore", max_categories=2),
    OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10, drop="first"),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    SimpleImputer(strategy="most_frequent"),
]
COLORS = np.array([["red"] * 20 + ["green"] * 15 + ["blue"] * 3, ["a", "b"] * 19], dtype=object).T


@pytest.mark.parametrize("part", TRANSFORMERS, ids=lambda part: str(part).replace("\n", "")[:60])
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2), st.booleans())
@settings(max_examples=25)
def test_numbers_become_the_features_the_transformer_makes(part: Any, cells: list[float], has_gap: bool) -> None:
    gapped = np.where(RANDOM.random((60, 2)) < 0.1, np.nan, np.linspace(-3, 5, 120).reshape(60, 2))
    takes_gaps = "Imputer" in str(part) or "Indicator" in str(part)
    rows = gapped if takes_gaps else np.nan_to_num(gapped, nan=0.5)
    fitted = part.fit(rows)
    asked = [[None if has_gap and takes_gaps else cells[0], cells[1]]]
    wanted = fitted.transform(np.array(asked, dtype=float))
    wanted = wanted.toarray() if hasattr(wanted, "toarray") else np.asarray(wanted, dtype=float)

    assert features_of(asked, through(fitted, of_client(2), ["a", "b"]).features).tolist() == wanted.tolist()


@pytest.mark.parametrize("part", CODERS, ids=lambda part: str(part).replace("\n", "")[:60])
@pytest.mark.parametrize("color", ["red", "green", "blue", "never seen"])
@pytest.mark.filterwarnings("ignore:Found unknown categories")
def test_categories_become_the_features_the_transformer_makes(part: Any, color: str) -> None:
    fitted = part.fit(COLORS)
    if "Imputer" in str(part):
        fitted = make_pipeline(part, OneHotEncoder(handle_unknown="ignore")).fit(COLORS)
    asked = np.array([[color, "b"]], dtype=object)
    wanted = fitted.transform(asked)
    wanted = wanted.toarray() if hasattr(wanted, "toarray") else np.asarray(wanted, dtype=float)

    assert features_of(asked.tolist(), through(fitted, of_client(2), ["c", "d"]).features).tolist() == wanted.tolist()


@pytest.mark.parametrize("labels", [TWO, THREE, NUMBERS], ids=["two", "three", "numbers"])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_the_libraries_own_contributions_are_the_same(library: str, labels: Any) -> None:
    kinds = {
        "xgboost": (xgboost.XGBRegressor, xgboost.XGBClassifier, {}),
        "lightgbm": (lightgbm.LGBMRegressor, lightgbm.LGBMClassifier, {"verbose": -1}),
    }[library]
    gapped = np.where(RANDOM.random(ROWS.shape) < 0.1, np.nan, ROWS)
    model = kinds[labels is not NUMBERS](n_estimators=12, **kinds[2])
    told, explainer, _ = explained(model, gapped, labels)
    assert explainer is not None, told

    if library == "xgboost":
        theirs = model.get_booster().predict(xgboost.DMatrix(gapped[:20]), pred_contribs=True)
    else:
        theirs = model.booster_.predict(gapped[:20], pred_contrib=True)
    theirs = theirs.reshape(20, explainer.plan.scores, 6)
    for row, wanted in zip(gapped[:20], theirs, strict=True):
        for score in range(explainer.plan.scores):
            base, moved = explainer._opened.explain(row, score)
            assert moved == pytest.approx(wanted[score, :-1], rel=1e-4, abs=1e-5)
            assert base == pytest.approx(wanted[score, -1], rel=1e-4, abs=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["forest", "gradient boosting", "histogram boosting", "xgboost, three", "lightgbm"])
def test_the_library_shap_gives_the_same(name: str) -> None:
    shap = pytest.importorskip("shap", exc_type=ImportError)
    model, labels, *_ = ADDITIVE[name]
    _, explainer, _ = explained(model, ROWS, labels)
    assert explainer is not None

    theirs = np.asarray(shap.TreeExplainer(model, feature_perturbation="tree_path_dependent").shap_values(ROWS[:20]))
    theirs = theirs if theirs.ndim == 3 else theirs[:, :, None]
    for row, wanted in zip(ROWS[:20], theirs, strict=True):
        for score in range(explainer.plan.scores):
            assert explainer._opened.explain(row, score)[1] == pytest.approx(wanted[:, score], rel=1e-5, abs=1e-6)
