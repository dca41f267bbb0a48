"""skops files: what pickles may hold they may hold, and nothing that calls."""

import io
import json
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from inference.errors import ValidationFailed
from inference.validation import skops_files, validate
from tests.inference.validation import hostile
from tests.inference.validation.hostile import LABELS, ROWS

with skops_files._without_torch():
    skops_io = pytest.importorskip("skops.io")


def saved(model: Any) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return skops_io.dumps(model)


def edited(content: bytes, edit: Callable[[dict[str, Any]], None]) -> bytes:
    """The file with its schema changed."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "schema.json":
                schema = json.loads(data)
                edit(schema)
                data = json.dumps(schema).encode()
            new.writestr(name, data)
    return changed.getvalue()


def refusal(content: bytes) -> ValidationFailed:
    with pytest.raises(ValidationFailed) as caught:
        skops_files.open_checked(content)
    return caught.value


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(3),
        GradientBoostingClassifier(n_estimators=3),
        HistGradientBoostingClassifier(max_iter=3),
        KNeighborsClassifier(3, algorithm="kd_tree"),
        CalibratedClassifierCV(LogisticRegression(), cv=2),
        SGDClassifier(random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_ordinary_models_open_and_answer_as_before(model: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(ROWS, np.array(["no", "yes"])[LABELS])
    opened = skops_files.open_checked(saved(model))
    assert opened.saved_with is None
    assert opened.model.predict(ROWS).tolist() == model.predict(ROWS).tolist()


def test_a_text_pipeline_opens() -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good day", "bad day"] * 4, [1, 0] * 4)
    assert skops_files.open_checked(saved(model)).model.predict(["good"]).tolist() == [1]


def test_a_function_that_runs_commands_is_refused_by_name() -> None:
    import os

    model = make_pipeline(FunctionTransformer(os.system), LogisticRegression())
    error = refusal(saved(model))
    assert (error.code, "system" in error.message) == ("untrusted_type", True)


@pytest.mark.parametrize(
    "node",
    [
        {"__loader__": "MethodNode", "__module__": "builtins", "__class__": "str", "content": {"func": "format"}},
        {"__loader__": "OperatorFuncNode", "__module__": "operator", "__class__": "methodcaller", "attrs": []},
        {"__loader__": "PartialNode", "__module__": "functools", "__class__": "partial", "content": {}},
        {"__loader__": "ConstructorFromReduceNode", "__module__": "builtins", "__class__": "bytearray", "content": {}},
        {"__loader__": "ReduceNode", "__module__": "sklearn.tree._tree", "__class__": "Tree"},
        {"__loader__": "NoSuchNode", "__module__": "builtins", "__class__": "str"},
        {"__loader__": ["MethodNode"], "__module__": "builtins", "__class__": "str"},
        {"__loader__": "ObjectNode", "__module__": "subprocess", "__class__": "Popen"},
        {"__loader__": "TypeNode", "__module__": "os", "__class__": "system"},
        {"__loader__": "ObjectNode", "__module__": "builtins", "__class__": None},
        {"__loader__": "FunctionNode", "__module__": "builtins", "__class__": "function", "content": "posix.system"},
    ],
    ids=lambda node: str(node["__loader__"]),
)
def test_parts_that_call_or_are_unknown_are_refused_wherever_they_hide(node: dict[str, Any]) -> None:
    good = saved(hostile.classifier())
    error = refusal(edited(good, lambda schema: schema["content"]["content"].update(extra=node)))
    assert error.code == "untrusted_type"


def test_a_schema_that_nests_without_end_or_is_none_is_unreadable() -> None:
    good = saved(hostile.classifier())
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    assert refusal(edited(good, lambda schema: schema.update(content=deep))).code in ("unreadable", "untrusted_type")
    assert refusal(edited(good, lambda schema: schema.clear())).code == "unreadable"
    assert refusal(good[: len(good) // 2]).code == "unreadable"


def test_another_version_of_scikit_learn_is_told() -> None:
    import sklearn

    version = json.dumps(sklearn.__version__)

    def older(schema: dict[str, Any]) -> None:
        told = schema["content"]["content"]["_sklearn_version"]
        assert told["content"] == version
        told["content"] = '"1.2.0"'

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert skops_files.open_checked(edited(saved(hostile.classifier()), older)).saved_with == "1.2.0"


def test_opening_imports_no_torch_even_where_it_is_installed(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(saved(hostile.classifier()))
    code = (
        "import sys, pathlib; from inference.validation import skops_files;"
        "skops_files.open_checked(pathlib.Path(sys.argv[1]).read_bytes()); print('torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "model")],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert ran.stdout.strip() == "False", ran.stderr


def test_a_skops_file_is_served_compiled(tmp_path: Path) -> None:
    artifact = tmp_path / "model.skops"
    artifact.write_bytes(saved(RandomForestClassifier(3).fit(ROWS, np.array(["no", "yes"])[LABELS])))
    result = validate(artifact=artifact, format="skops")
    assert (result.runtime, result.signature["classes"]) == ("onnx", ["no", "yes"])
    assert "skops" in result.library_versions
