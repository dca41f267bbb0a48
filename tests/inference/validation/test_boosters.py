"""XGBoost's and LightGBM's files: what compiles answers as the library does, gaps and categories included."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference import runtimes
from inference.errors import ValidationFailed
from inference.runtimes.onnx import OnnxRuntime
from inference.signature import Signature
from inference.validation import compiling, outputs, parity, reference, validate
from inference.validation.opening import open_model
from tests.inference.validation import boosters
from tests.inference.validation.boosters import (
    BY_KIND,
    COUNTS,
    GAPPED,
    ROWS,
    THREE,
    TWO,
    VALUES,
    WITH_KINDS,
    lightgbm,
    xgboost,
)

XGBOOST: list[tuple[str, Any, dict[str, Any]]] = [
    ("binary:logistic", TWO, {}),
    ("binary:logistic", TWO, {"form": "ubj"}),
    ("binary:logistic", TWO, {"booster": "dart", "rate_drop": 0.4}),
    ("binary:logistic", TWO, {"num_parallel_tree": 4, "subsample": 0.5}),
    ("binary:logistic", BY_KIND, {"rows": WITH_KINDS, "types": ["q", "q", "c", "q"], "max_cat_to_onehot": 2}),
    ("binary:logistic", BY_KIND, {"rows": WITH_KINDS, "types": ["q", "q", "c", "q"], "max_cat_to_onehot": 99}),
    ("binary:hinge", TWO, {}),
    ("binary:logitraw", TWO, {}),
    ("multi:softprob", THREE, {"num_class": 3}),
    ("multi:softmax", THREE, {"num_class": 3}),
    ("reg:squarederror", VALUES, {}),
    ("reg:squarederror", np.stack([VALUES, -VALUES], axis=1), {}),
    ("reg:logistic", TWO, {}),
    ("reg:absoluteerror", VALUES, {}),
    ("reg:pseudohubererror", VALUES, {}),
    ("reg:squaredlogerror", COUNTS, {}),
    ("reg:quantileerror", VALUES, {"quantile_alpha": [0.2, 0.8]}),
    ("reg:gamma", COUNTS + 1.0, {}),
    ("reg:tweedie", COUNTS, {}),
    ("count:poisson", COUNTS, {}),
    ("survival:cox", COUNTS + 1.0, {}),
    ("survival:aft", COUNTS + 1.0, {}),
    ("rank:ndcg", TWO, {}),
    ("rank:pairwise", TWO, {}),
]
FOREST = {"boosting": "rf", "bagging_fraction": 0.6, "bagging_freq": 1}
FEW_PER_KIND = {"min_data_per_group": 2, "cat_smooth": 1, "cat_l2": 0, "min_data_in_leaf": 3}
LIGHTGBM: list[tuple[str, Any, dict[str, Any]]] = [
    ("binary", TWO, {}),
    ("binary", TWO, {"rows": ROWS}),
    ("binary", TWO, {"boosting": "dart"}),
    ("binary", TWO, FOREST),
    ("binary", TWO, {"sigmoid": 2.0}),
    ("binary", TWO, {"use_missing": False}),
    ("binary", BY_KIND, {"rows": WITH_KINDS, "kinds": [2], **FEW_PER_KIND}),
    ("multiclass", THREE, {"num_class": 3}),
    ("multiclassova", THREE, {"num_class": 3}),
    ("regression", VALUES, {}),
    ("regression", VALUES, {"rows": ROWS, **FOREST}),
    ("regression", VALUES, {"reg_sqrt": True}),
    ("regression_l1", VALUES, {}),
    ("huber", VALUES, {}),
    ("quantile", VALUES, {"rows": ROWS}),
    ("mape", VALUES, {"rows": ROWS}),
    ("poisson", COUNTS, {}),
    ("gamma", COUNTS + 1.0, {}),
    ("tweedie", COUNTS, {}),
    ("cross_entropy", TWO, {}),
    ("cross_entropy_lambda", TWO, {}),
    ("lambdarank", TWO, {}),
]


def proof(content: bytes, format: str, tmp_path: Path) -> tuple[parity.Parity, reference.Reference]:
    """What the converter finds in the sandbox, found here: the first way to compile, compared on the made-up rows."""
    path = tmp_path / "model"
    path.write_bytes(content)
    with path.open("rb") as stream:
        model = open_model(stream, format=format, trusted=False, max_array_bytes=1 << 30).model
    original = reference.build(model, task=None, handler=None, sample=None)
    candidate = next(iter(compiling.candidates(model, original.signature)))
    compiled = compiling.compile_model(model, original.signature, candidate)
    loaded = OnnxRuntime().load(compiled.content, compiled.signature)
    got = outputs.answer(loaded, compiled.signature, original.rows)
    return parity.compare(original.answers, got, original.signature.task), original


def named(cases: list[tuple[str, Any, dict[str, Any]]]) -> list[Any]:
    told = [{k: v for k, v in p.items() if isinstance(v, str | int | float)} for _, _, p in cases]
    return [pytest.param(*c, id=" ".join([c[0], *map(str, t.items())])[:60]) for c, t in zip(cases, told, strict=True)]


@pytest.mark.parametrize(("objective", "labels", "parameters"), named(XGBOOST))
def test_every_objective_of_xgboost_compiles_to_the_same_answers(
    objective: str, labels: Any, parameters: dict[str, Any], tmp_path: Path
) -> None:
    found, original = proof(xgboost(objective, labels, **dict(parameters)), "xgboost", tmp_path)
    assert (found.passed, found.ties, found.reason) == (True, 0, "")
    assert original.signature.allows_missing
    assert original.signature.task == ("classification" if objective.startswith(("binary", "multi")) else "regression")


@pytest.mark.parametrize(("objective", "labels", "parameters"), named(LIGHTGBM))
def test_every_objective_of_lightgbm_compiles_to_the_same_answers(
    objective: str, labels: Any, parameters: dict[str, Any], tmp_path: Path
) -> None:
    found, original = proof(lightgbm(objective, labels, **dict(parameters)), "lightgbm", tmp_path)
    assert (found.passed, found.ties, found.reason) == (True, 0, "")
    assert original.signature.allows_missing


@pytest.mark.parametrize(
    ("objective", "labels", "parameters", "words"),
    [
        ("binary:logistic", TWO, {"booster": "gblinear", "rows": ROWS}, "gblinear"),
        ("reg:squarederror", np.stack([VALUES, VALUES], axis=1), {"multi_strategy": "multi_output_tree"}, "several"),
    ],
)
def test_what_xgboost_has_beyond_trees_is_named(
    objective: str, labels: Any, parameters: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(NotImplementedError, match=words):
        proof(xgboost(objective, labels, **dict(parameters)), "xgboost", tmp_path)


@pytest.mark.parametrize(
    ("parameters", "words"), [({"linear_tree": True}, "linear"), ({"zero_as_missing": True}, "zero")]
)
def test_what_lightgbm_has_beyond_trees_is_named(parameters: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(NotImplementedError, match=words):
        proof(lightgbm("regression", VALUES, **parameters), "lightgbm", tmp_path)


def test_the_rounds_after_the_best_one_do_not_answer(tmp_path: Path) -> None:
    library = pytest.importorskip("xgboost")
    held = (ROWS[160:], 1 - TWO[160:])
    content = xgboost("binary:logistic", TWO[:160], rows=ROWS[:160], rounds=40, stop_on=held)
    booster = library.Booster(model_file=bytearray(content))
    assert booster.best_iteration + 1 < booster.num_boosted_rounds()
    found, original = proof(content, "xgboost", tmp_path)
    assert found.passed
    data = library.DMatrix(np.array(original.rows, dtype=float))
    best = booster.predict(data, iteration_range=(0, booster.best_iteration + 1))
    assert np.array(original.answers.probabilities)[:, 1] == pytest.approx(best, abs=1e-6)


def test_the_file_may_name_its_columns_and_its_classes(tmp_path: Path) -> None:
    library = pytest.importorskip("xgboost")
    booster = library.Booster(model_file=bytearray(xgboost("binary:logistic", TWO, names=["a", "b", "c", "d"])))
    booster.set_attr(classes='["no", "yes"]')
    found, original = proof(bytes(booster.save_raw("ubj")), "xgboost", tmp_path)
    assert found.passed
    assert original.signature.names == ("a", "b", "c", "d")
    assert original.signature.classes == ("no", "yes")


def test_lightgbms_own_numbers_for_columns_are_no_names(tmp_path: Path) -> None:
    _, numbered = proof(lightgbm("binary", TWO), "lightgbm", tmp_path)
    _, told = proof(lightgbm("binary", TWO, names=["a", "b", "c", "d"]), "lightgbm", tmp_path)
    assert numbered.signature.names[0] == "feature_0"
    assert told.signature.names == ("a", "b", "c", "d")


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_damaged_file_is_unreadable_in_the_librarys_words(library: str, tmp_path: Path) -> None:
    content = xgboost("binary:logistic", TWO) if library == "xgboost" else lightgbm("binary", TWO)
    with pytest.raises(ValidationFailed) as caught:
        proof(content[: len(content) // 2], library, tmp_path)
    assert caught.value.code == "unreadable"


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_without_the_library_one_sentence_says_what_to_install(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ValidationFailed) as caught:
        proof(b"anything", library, tmp_path)
    assert (caught.value.code, f"install the `{library}` extra" in caught.value.message) == ("missing_library", True)


class TestInTheSandbox:
    """The whole way, as an upload goes it."""

    @pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
    def test_a_file_is_served_compiled_to_whoever_uploads_it(self, library: str, tmp_path: Path) -> None:
        content = xgboost("multi:softprob", THREE, num_class=3) if library == "xgboost" else lightgbm("binary", TWO)
        result = self.validated(content, library, tmp_path)
        assert (result.runtime, result.signature["allows_missing"]) == ("onnx", True)
        assert library in result.library_versions
        assert "trees" in result.report["estimator"]
        told = Signature.from_dict(result.signature)
        model = runtimes.get("onnx").load(result.compiled, told)
        own = runtimes.get(library).load(content, told)
        feed = told.feeds[0].name
        rows = GAPPED.astype(told.feeds[0].dtype)
        said, wanted = model.predict({feed: rows}), own.predict({feed: rows.astype(float)})
        assert said.labels.tolist() == wanted.labels.tolist()
        assert said.probabilities == pytest.approx(wanted.probabilities, abs=1e-5)

    def test_what_does_not_compile_is_served_natively_when_it_is_trusted(self, tmp_path: Path) -> None:
        content = xgboost("binary:logistic", TWO, rows=ROWS, booster="gblinear")
        with pytest.raises(ValidationFailed) as caught:
            self.validated(content, "xgboost", tmp_path)
        assert (caught.value.code, "gblinear" in caught.value.message) == ("not_compilable", True)
        result = self.validated(content, "xgboost", tmp_path, trusted=True)
        assert (result.runtime, result.compiled) == ("xgboost", None)

    def test_pipelines_that_end_in_a_booster_compile_too(self, tmp_path: Path) -> None:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        from tests.inference.validation import hostile

        library = pytest.importorskip("lightgbm")
        model = make_pipeline(StandardScaler(), library.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = hostile.dumped(model.fit(ROWS, np.array(["no", "yes"])[TWO]))
        result = self.validated(content, "sklearn", tmp_path)
        assert (result.runtime, result.signature["classes"]) == ("onnx", ["no", "yes"])

    def validated(self, content: bytes, format: str, tmp_path: Path, **asked: Any) -> Any:
        path = tmp_path / "model"
        path.write_bytes(content)
        return validate(artifact=path, format=format, **asked)


def test_only_the_classes_of_fitted_boosters_are_on_the_list() -> None:
    from inference.runtimes.globals_allowed import resolve

    pytest.importorskip("xgboost")
    assert resolve("xgboost.sklearn", "XGBClassifier").__name__ == "XGBClassifier"
    for module, name in [
        ("xgboost.tracker", "RabitTracker"),
        ("xgboost.dask", "DaskXGBClassifier"),
        ("xgboost.core", "c_str"),
    ]:
        with pytest.raises(ValidationFailed) as caught:
            resolve(module, name)
        assert caught.value.code == "pickle_forbidden_global"


def test_the_toys_have_gaps() -> None:
    assert np.isnan(boosters.GAPPED).any()
