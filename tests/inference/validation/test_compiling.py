"""Compiled models answer as the originals do, where compilers usually go wrong."""

import io
import warnings
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import onnx
import pytest
from sklearn import datasets
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC, OneClassSVM

from inference import handlers, runtimes
from inference.errors import InputInvalid
from inference.handlers import Payload
from inference.validation import compiling, outputs, parity, reference, texts
from inference.validation.tasks import convert

CANCER, CANCER_LABELS = datasets.load_breast_cancer(return_X_y=True)
IRIS, IRIS_LABELS = datasets.load_iris(return_X_y=True)
DIABETES, DIABETES_VALUES = datasets.load_diabetes(return_X_y=True)
GAPS = CANCER.copy()
GAPS[::5, 3] = np.nan

VOCABULARY = """
refund payment invoice card charge money bank account login password reset email locked error crash bug
screen app ΟΔΟΣ δρόμος straße café naïve привет мир İstanbul stanbul a1 snake_case 42 don't x
"""
WORDS = VOCABULARY.split()


def documents(count: int = 240) -> tuple[list[str], list[str]]:
    random = np.random.default_rng(0)
    made, labels = [], []
    for number in range(count):
        topic = number % 3
        pool = WORDS[topic * 6 : topic * 6 + 8] + WORDS[18:]
        made.append(" ".join(random.choice(pool) for _ in range(random.integers(3, 20))))
        labels.append("abc"[topic])
    return made, labels


def searched(model: Any) -> tuple[reference.Reference, convert.Search]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        original = reference.build(model, task=None, handler=None, sample=None)
        return original, convert._compile(model, original, lambda stage, fraction: None)


def assert_compiled(model: Any, rows: list[Any]) -> compiling.Compiled:
    """Proved equal on the made-up rows, and equal on `rows`, which the search has not seen."""
    original, search = searched(model)
    assert search.best is not None, search.tried
    native = reference.SklearnModel(model, original.signature)
    wanted = reference.native_answers(native, original.signature, rows)
    proof = parity.compare(wanted, answers_of(search.best, rows), original.signature.task)
    assert proof.passed, proof
    assert proof.ties == 0
    return search.best


def answers_of(compiled: compiling.Compiled, rows: list[Any]) -> outputs.Answers:
    model = runtimes.get(compiled.runtime).load(compiled.content, compiled.signature)
    return outputs.answer(model, compiled.signature, rows)


CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "scaler and logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "scaler and forest": lambda: make_pipeline(StandardScaler(), RandomForestClassifier(20, random_state=0)),
    "robust scaler and random trees": lambda: make_pipeline(RobustScaler(), ExtraTreesClassifier(20, random_state=0)),
    "scaler and boosting": lambda: make_pipeline(MinMaxScaler(), GradientBoostingClassifier(n_estimators=10)),
    "scaler and histogram boosting": lambda: make_pipeline(
        StandardScaler(), HistGradientBoostingClassifier(max_iter=10)
    ),
    "forest with an even vote": lambda: RandomForestClassifier(10, random_state=0),
    "scaler and machine": lambda: make_pipeline(StandardScaler(), SVC()),
    "scaler and linear machine": lambda: make_pipeline(StandardScaler(), LinearSVC()),
    "scaler and ridge": lambda: make_pipeline(StandardScaler(), RidgeClassifier()),
    "neighbours": lambda: KNeighborsClassifier(4),
    "neighbours by distance": lambda: make_pipeline(StandardScaler(), KNeighborsClassifier(3, weights="distance")),
    "calibrated forest": lambda: CalibratedClassifierCV(RandomForestClassifier(5, random_state=0), cv=3),
    "calibrated by steps": lambda: CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=3),
    "tuned threshold": lambda: TunedThresholdClassifierCV(GaussianNB(), scoring="recall", cv=2),
    "voting": lambda: VotingClassifier(
        [("a", make_pipeline(StandardScaler(), LogisticRegression())), ("b", GaussianNB())], voting="soft"
    ),
    "search": lambda: GridSearchCV(RandomForestClassifier(5, random_state=0), {"max_depth": [2, 3]}, cv=2),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_on_real_data(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = CLASSIFIERS[name]().fit(CANCER[::2], CANCER_LABELS[::2])
    assert_compiled(model, CANCER[1::2].tolist())


def test_histogram_boosting_sends_values_between_two_training_values_the_right_way() -> None:
    model = HistGradientBoostingClassifier(max_iter=20).fit(IRIS, IRIS_LABELS)
    halfway = np.round((IRIS[:-1] + IRIS[1:]) / 2, 2)
    compiled = assert_compiled(model, halfway.tolist())
    assert compiled.signature.feeds[0].dtype == "float64"


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "gamma"])
def test_histogram_boosting_regressors_with_every_link(loss: str) -> None:
    model = HistGradientBoostingRegressor(max_iter=10, loss=loss).fit(DIABETES, DIABETES_VALUES)
    assert_compiled(model, DIABETES.tolist())


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_a_row_that_neighbours_know_gets_their_answer(weights: str) -> None:
    """Distances of zero, and rows that are known twice."""
    rows, values = np.tile(DIABETES[:150], (2, 1)), np.tile(DIABETES_VALUES[:150], 2)
    compiled = assert_compiled(KNeighborsRegressor(4, weights=weights).fit(rows, values), DIABETES[:200].tolist())
    kinds = {node.op_type for node in onnx.load_from_string(compiled.content).graph.node}
    assert "CDist" in kinds
    assert "Scan" not in kinds


@pytest.mark.parametrize("function", [np.log1p, np.sqrt, np.log10, np.square, np.expm1], ids=lambda one: one.__name__)
def test_plain_functions_of_numbers_are_translated(function: Any) -> None:
    model = make_pipeline(FunctionTransformer(function), StandardScaler(), LogisticRegression()).fit(IRIS, IRIS_LABELS)
    assert_compiled(model, IRIS.tolist())


def test_an_isolation_forest_is_one_set_of_trees() -> None:
    model = IsolationForest(n_estimators=20, max_features=0.5, max_samples=64, random_state=0).fit(CANCER)
    compiled = assert_compiled(model, CANCER.tolist())
    kinds = [node.op_type for node in onnx.load_from_string(compiled.content).graph.node]
    assert kinds.count("TreeEnsembleRegressor") == 1


def test_forests_with_several_outputs() -> None:
    model = RandomForestRegressor(5, random_state=0).fit(DIABETES, np.c_[DIABETES_VALUES, -DIABETES_VALUES])
    assert assert_compiled(model, DIABETES[:50].tolist()).signature.multi_output == 2


def test_large_offsets_are_computed_in_double_precision() -> None:
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(DIABETES * 1e6 + 1e8, DIABETES_VALUES)
    compiled = assert_compiled(model, (DIABETES * 1e6 + 1e8).tolist())
    assert compiled.signature.feeds[0].dtype == "float64"


@pytest.mark.parametrize(
    "make",
    [
        lambda: HistGradientBoostingClassifier(max_iter=10),
        lambda: RandomForestClassifier(5, random_state=0),
        lambda: make_pipeline(SimpleImputer(), StandardScaler(), HistGradientBoostingClassifier(max_iter=5)),
        lambda: make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
    ],
)
def test_models_that_take_gaps_are_served_with_gaps(make: Callable[[], Any]) -> None:
    rows = [[None if np.isnan(cell) else cell for cell in row] for row in GAPS.tolist()]
    compiled = assert_compiled_with_gaps(make().fit(GAPS, CANCER_LABELS), rows)
    assert compiled.signature.allows_missing


def assert_compiled_with_gaps(model: Any, rows: list[Any]) -> compiling.Compiled:
    compiled = assert_compiled(model, rows)
    assert any(None in row for row in rows)
    return compiled


def test_models_that_refuse_gaps_are_served_without() -> None:
    original, search = searched(LogisticRegression(max_iter=5000).fit(IRIS, IRIS_LABELS))
    assert original.signature.allows_missing is False
    assert search.best is not None
    assert search.best.signature.allows_missing is False


@pytest.mark.parametrize(
    ("classes", "first"), [([False, True, True], False), (["x", "y", "z"], "x"), ([1.0, 2.0, 3.0], 1.0), ([5, 7, 9], 5)]
)
def test_class_labels_keep_their_type(classes: list[Any], first: Any) -> None:
    model = LogisticRegression(max_iter=5000).fit(IRIS, np.array(classes)[IRIS_LABELS])
    compiled = assert_compiled(model, IRIS.tolist())
    assert compiled.signature.classes is not None
    assert compiled.signature.classes[0] == first
    assert type(compiled.signature.classes[0]) is type(first)


@pytest.mark.parametrize("make", [lambda: IsolationForest(n_estimators=10, random_state=0), lambda: OneClassSVM()])
def test_outlier_detectors_are_classifiers_of_two_classes(make: Callable[[], Any]) -> None:
    compiled = assert_compiled(make().fit(IRIS), IRIS.tolist())
    assert compiled.signature.classes == (-1, 1)


VECTORIZERS: dict[str, Callable[[], Any]] = {
    "default": lambda: TfidfVectorizer(),
    "pairs of words": lambda: TfidfVectorizer(ngram_range=(1, 2)),
    "logarithmic counts": lambda: TfidfVectorizer(sublinear_tf=True),
    "stop words": lambda: TfidfVectorizer(stop_words="english", min_df=2),
    "case matters": lambda: TfidfVectorizer(lowercase=False),
    "accents do not": lambda: TfidfVectorizer(strip_accents="unicode"),
    "ASCII only": lambda: TfidfVectorizer(strip_accents="ascii"),
    "characters": lambda: TfidfVectorizer(analyzer="char", ngram_range=(2, 3)),
    "one-letter words": lambda: CountVectorizer(token_pattern=r"(?u)\b\w+\b"),
    "anything but blanks": lambda: CountVectorizer(token_pattern=r"\S+"),
    "presence": lambda: CountVectorizer(binary=True),
    "words and pairs": lambda: FeatureUnion(
        [("words", TfidfVectorizer()), ("pairs", CountVectorizer(ngram_range=(2, 2)))]
    ),
}


@pytest.mark.parametrize("name", VECTORIZERS)
def test_texts_are_cut_and_folded_as_the_original_does(name: str) -> None:
    rows, labels = documents()
    model = make_pipeline(VECTORIZERS[name](), LogisticRegression()).fit(rows[::2], labels[::2])
    unseen = [*rows[1::2], *[row.upper() for row in rows[1::2]]]
    compiled = assert_compiled(model, unseen)
    assert (compiled.signature.handler, compiled.runtime) == ("text", "linear_text")


@pytest.mark.parametrize("name", VECTORIZERS)
def test_graphs_cut_texts_so_too(name: str) -> None:
    """What has no linear form is still translated to ONNX."""
    rows, labels = documents()
    model = make_pipeline(VECTORIZERS[name](), LogisticRegression()).fit(rows[::2], labels[::2])
    unseen = [*rows[1::2], *[row.upper() for row in rows[1::2]]]
    original = reference.build(model, task=None, handler=None, sample=None)
    compiled = compiling.compile_model(model, original.signature, compiling.Candidate("text", "float32"))
    wanted = reference.native_answers(reference.SklearnModel(model, original.signature), original.signature, unseen)
    assert parity.compare(wanted, answers_of(compiled, unseen), "classification").passed


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"(?u)\b\w\w+\b", r"[\p{L}\p{N}_]{2,}"),
        (r"(?u)\b\w+\b", r"[\p{L}\p{N}_]{1,}"),
        (r"\b\w{3,}\b", r"[\p{L}\p{N}_]{3,}"),
        (r"\w+", r"[\p{L}\p{N}_]{1,}"),
        (r"[a-z]+", None),
        (r"\w+-\w+", None),
    ],
)
def test_word_patterns_are_translated_when_they_are_understood(pattern: str, expected: str | None) -> None:
    assert texts.tokens(CountVectorizer(token_pattern=pattern)) == expected


def test_a_vectoriser_that_cannot_be_compiled_is_reported_in_the_compilers_words() -> None:
    rows, labels = documents()
    model = make_pipeline(TfidfVectorizer(analyzer="char_wb"), ExtraTreesClassifier(3)).fit(rows, labels)
    _, search = searched(model)
    assert search.best is None
    assert all(entry["outcome"] == "not compiled" for entry in search.tried)
    assert "ExtraTreesClassifier at the end" in search.tried[0]["error"]
    assert "tokenizer='word'" in search.tried[1]["error"]


def frame(rows: int = 240) -> tuple[Any, Any]:
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    made = pandas.DataFrame(
        {
            "age": random.integers(18, 80, rows),
            "income": np.round(random.lognormal(10, 1, rows), 2),
            "city": random.choice(["Paris", "Köln", "東京"], rows),
            "note": random.choice(["late parcel", "good service", "Bad APP crash"], rows),
        }
    )
    return made, np.where(made["income"] > made["income"].median(), "high", "low")


def columns(*more: Any) -> ColumnTransformer:
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income"]),
            ("city", OneHotEncoder(handle_unknown="ignore"), ["city"]),
            *more,
        ]
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_pipeline(columns(), LogisticRegression()),
        lambda: make_pipeline(columns(), RandomForestClassifier(10, random_state=0)),
        lambda: make_pipeline(columns(), HistGradientBoostingClassifier(max_iter=5)),
        lambda: make_pipeline(columns(("note", TfidfVectorizer(), "note")), LogisticRegression()),
        lambda: make_pipeline(
            ColumnTransformer(
                [("city", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["city"])],
                remainder=StandardScaler(),
            ),
            GradientBoostingClassifier(n_estimators=5),
        ),
    ],
)
def test_models_fitted_on_data_frames(make: Callable[[], Any]) -> None:
    made, labels = frame()
    used = made if "note" in repr(make()) else made[["age", "income", "city"]]
    model = make().fit(used[::2], labels[::2])
    original, _ = searched(model)
    names = list(original.signature.names)
    rows = used[names][1::2].to_numpy(dtype=object).tolist()
    compiled = assert_compiled(model, rows)
    kinds = {column.name: column.dtype for column in compiled.signature.inputs}
    assert (kinds["age"], kinds["city"]) == ("float64", "string")


def test_a_category_that_the_original_refuses_is_refused_by_name() -> None:
    made, labels = frame()
    for policy, closed in (("error", True), ("ignore", False)):
        encode = ColumnTransformer([("city", OneHotEncoder(handle_unknown=policy), ["city"])], remainder="passthrough")
        model = make_pipeline(encode, LogisticRegression(max_iter=2000)).fit(made[["age", "city"]], labels)
        _, search = searched(model)
        assert search.best is not None
        signature = search.best.signature
        city = signature.inputs[signature.index["city"]]
        assert (city.one_of is not None) is closed
        payload = Payload("instances", [{"age": 30, "city": "Paris"}, {"age": 30, "city": "Atlantis"}])
        if closed:
            with pytest.raises(InputInvalid) as caught:
                handlers.get("tabular").preprocess(payload, signature)
            assert (caught.value.code, caught.value.path) == ("unknown_category", "instances[1].city")
        else:
            handlers.get("tabular").preprocess(payload, signature)


def test_columns_that_nothing_reads_need_not_be_sent() -> None:
    made, labels = frame()
    original, _ = searched(make_pipeline(columns(), LogisticRegression()).fit(made, labels))
    assert list(original.signature.names) == ["age", "income", "city"]


def test_a_wrong_compilation_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    right = LogisticRegression().fit(IRIS, IRIS_LABELS > 0)
    buffer = io.BytesIO()
    joblib.dump(right, buffer)
    wrong = joblib.load(io.BytesIO(buffer.getvalue()))
    wrong.intercept_ = wrong.intercept_ + 0.5
    original = reference.build(right, task=None, handler=None, sample=None)
    search = convert._compile(wrong, original, lambda stage, fraction: None)
    assert search.best is None
    assert {entry["outcome"] for entry in search.tried} == {"different"}


def test_a_shifted_threshold_cannot_hide_between_the_rows() -> None:
    """Same probabilities, another rule for the label: only rows beside the boundary show it."""
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(CANCER, CANCER_LABELS)
    original = reference.build(model, task=None, handler=None, sample=None)
    assert original.answers.probabilities is not None
    second = np.array(original.answers.probabilities)[:, 1]
    between = ((second > 0.45) & (second < 0.55)).sum()
    assert between >= 10
