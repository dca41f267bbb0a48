"""The filter inside the unpickler: what saved models need passes, everything else is refused before it runs."""

import io
import pickle
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from inference.errors import ValidationFailed
from inference.runtimes import unpickling
from tests.inference.validation import hostile

LIMIT = 64 << 20

GENUINE = {
    "tree": lambda: DecisionTreeClassifier(),
    "forest": lambda: RandomForestClassifier(3),
    "boosting": lambda: GradientBoostingClassifier(n_estimators=3),
    "histogram boosting": lambda: HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=2),
    "neighbours": lambda: KNeighborsClassifier(2),
    "vectors": lambda: SVC(),
    "calibrated": lambda: CalibratedClassifierCV(GaussianNB(), cv=2, method="isotonic"),
    "network": lambda: MLPClassifier((3,), max_iter=3),
    "gaussian process": lambda: GaussianProcessClassifier(),
    "outliers": lambda: IsolationForest(n_estimators=3),
    "search": lambda: GridSearchCV(SGDClassifier(), {"alpha": [1e-4, 1e-3]}, cv=2, scoring="accuracy"),
    "selection": lambda: make_pipeline(SelectKBest(k=1), SGDClassifier()),
    "splines": lambda: make_pipeline(SplineTransformer(), SGDClassifier()),
    "numpy function": lambda: make_pipeline(FunctionTransformer(np.log1p), SGDClassifier()),
    "categories": lambda: make_pipeline(OneHotEncoder(handle_unknown="ignore"), SGDClassifier()),
}


def opened(content: bytes) -> Any:
    return unpickling.open_checked(io.BytesIO(content), max_array_bytes=LIMIT).model


def refusal(content: bytes) -> ValidationFailed:
    with pytest.raises(ValidationFailed) as caught:
        opened(content)
    return caught.value


@pytest.mark.parametrize("name", GENUINE)
def test_genuine_models_pass_as_joblib_and_as_pickle_of_every_protocol(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GENUINE[name]().fit(hostile.ROWS, hostile.LABELS)
    wanted = model.predict(hostile.ROWS).tolist()
    for content in [hostile.dumped(model), *(pickle.dumps(model, protocol) for protocol in range(6))]:
        assert opened(content).predict(hostile.ROWS).tolist() == wanted


@pytest.mark.parametrize("compress", [0, 1, 9, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_every_compression_is_seen_through(compress: Any, tmp_path: Path) -> None:
    assert opened(hostile.dumped(hostile.classifier(), compress=compress)).predict(hostile.ROWS[:2]).tolist() == [0, 1]
    error = refusal(hostile.dumped(hostile.shell(tmp_path / "canary"), compress=compress))
    assert error.code == "pickle_forbidden_global"
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_runs_a_command_is_refused_and_not_run(protocol: int, tmp_path: Path) -> None:
    error = refusal(pickle.dumps(hostile.shell(tmp_path / "canary"), protocol))
    assert error.code == "pickle_forbidden_global"
    assert "system" in error.message
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("hide", [hostile.inside_a_model, hostile.inside_an_object_array])
def test_a_payload_inside_a_genuine_model_is_refused(hide: Any, tmp_path: Path) -> None:
    content = hostile.dumped(hide(hostile.shell(tmp_path / "canary")))
    assert refusal(content).code == "pickle_forbidden_global"
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(("module", "name"), hostile.GADGETS)
def test_known_gadgets_are_refused_in_old_and_new_pickles(module: str, name: str) -> None:
    for content in (hostile.text_pickle(module, name, "x"), hostile.stack_pickle(module, name, "x")):
        error = refusal(content)
        assert error.code == "pickle_forbidden_global"
        assert name in error.message


@pytest.mark.parametrize(
    ("module", "name"),
    [("pathlib", "os.system"), ("numpy", "ndarray.tofile"), ("sklearn.pipeline", "Pipeline.fit"), ("os.path", "os")],
)
def test_dotted_names_are_refused_before_they_are_looked_up(module: str, name: str) -> None:
    assert refusal(hostile.stack_pickle(module, name, "x")).code == "pickle_forbidden_global"


def test_the_codec_in_old_pickles_makes_bytes_and_nothing_else() -> None:
    assert opened(pickle.dumps(b"\xff\x00abc", 2)) == b"\xff\x00abc"
    hidden = b"c_codecs\nencode\n(Vabc\nVrot13\ntR."
    assert refusal(hidden).code == "pickle_forbidden_global"


@pytest.mark.parametrize("make", [hostile.instance_opcode, hostile.object_opcode, lambda _: hostile.persistent_id()])
def test_instructions_that_saved_models_do_not_use_are_refused(make: Any, tmp_path: Path) -> None:
    error = refusal(make(tmp_path / "canary"))
    assert error.code in ("pickle_forbidden_opcode", "pickle_forbidden_global")
    assert not (tmp_path / "canary").exists()


def test_a_second_pickle_behind_the_first_is_refused(tmp_path: Path) -> None:
    second = pickle.dumps(hostile.shell(tmp_path / "canary"))
    assert refusal(pickle.dumps(hostile.classifier()) + second).code == "trailing_data"
    assert refusal(hostile.dumped(hostile.classifier()) + b"\0").code == "trailing_data"


def test_a_cut_file_is_refused_with_a_reason() -> None:
    whole = hostile.dumped(hostile.classifier())
    packed = hostile.dumped(hostile.classifier(), compress=3)
    for content in (
        whole[: len(whole) // 2],
        whole[:-1],
        packed[: len(packed) // 2],
        packed[:5],
        b"\x80",
        b"not a pickle",
    ):
        error = refusal(content)
        assert error.code == "unreadable"
        assert error.field == "file"


def test_an_empty_file_says_so() -> None:
    assert refusal(b"").code == "empty"


@pytest.mark.parametrize("name", hostile.LENGTH_LIES)
def test_false_lengths_cost_nothing(name: str) -> None:
    assert refusal(hostile.LENGTH_LIES[name]).code == "unreadable"


def test_an_array_larger_than_the_limit_is_refused_before_it_is_allocated() -> None:
    error = refusal(hostile.huge_array())
    assert error.code == "memory_limit"
    assert "8,796,093,022,208" in error.message


def test_an_array_header_may_not_bring_its_own_code(tmp_path: Path) -> None:
    assert refusal(hostile.array_with_own_reader(tmp_path / "canary")).code in ("unreadable", "pickle_forbidden_global")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    "state",
    [
        {"read": 1},
        {"subclass": int, "shape": (1,), "order": "C", "dtype": np.dtype("f8")},
        {"subclass": np.ndarray, "shape": [1], "order": "C", "dtype": np.dtype("f8")},
        {"subclass": np.ndarray, "shape": (-1,), "order": "C", "dtype": np.dtype("f8")},
        {"subclass": np.ndarray, "shape": (True,), "order": "C", "dtype": np.dtype("f8")},
        {"subclass": np.ndarray, "shape": (1,), "order": "X", "dtype": np.dtype("f8")},
        {"subclass": np.ndarray, "shape": (1,), "order": "C", "dtype": "f8"},
        {"subclass": np.ndarray, "shape": (1,) * 40, "order": "C", "dtype": np.dtype("f8")},
    ],
)
def test_a_malformed_array_header_is_refused(state: dict[str, Any]) -> None:
    wrapper = joblib.numpy_pickle.NumpyArrayWrapper.__new__(joblib.numpy_pickle.NumpyArrayWrapper)
    wrapper.__dict__.update(state)
    assert refusal(pickle.dumps(wrapper, protocol=4)).code == "unreadable"


def test_the_old_array_header_is_refused() -> None:
    assert refusal(hostile.legacy_array("../other.npy")).code == "pickle_forbidden_global"


def test_lists_within_lists_are_opened_without_being_walked() -> None:
    assert isinstance(opened(hostile.nested_duplicates()), list)


def test_a_library_that_is_not_installed_is_named() -> None:
    error = refusal(hostile.stack_pickle("catboost.core", "CatBoostClassifier", "x"))
    assert error.code == "missing_library"
    assert "catboost" in error.message


def test_a_name_the_installed_version_lacks_says_so() -> None:
    error = refusal(hostile.stack_pickle("sklearn.linear_model._base", "LongGoneRegression", "x"))
    assert error.code == "library_version"


def test_ones_own_classes_and_functions_get_advice() -> None:
    error = refusal(hostile.stack_pickle("__main__", "MyTransformer", "x"))
    assert error.code == "pickle_forbidden_global"
    assert "ONNX" in error.message


def test_the_version_a_model_was_saved_with_is_told() -> None:
    content = hostile.dumped(hostile.classifier())
    old = content.replace(sklearn.__version__.encode(), b"1.2.0")
    assert old != content
    assert unpickling.open_checked(io.BytesIO(old), max_array_bytes=LIMIT).saved_with == "1.2.0"
    assert unpickling.open_checked(io.BytesIO(content), max_array_bytes=LIMIT).saved_with is None
