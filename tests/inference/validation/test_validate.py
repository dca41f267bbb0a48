"""From a file to a version that may be served, or to a reason a data scientist can act on."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from sklearn import datasets
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from inference import handlers, runtimes
from inference.errors import ValidationFailed
from inference.handlers import Payload
from inference.signature import Signature
from inference.validation import FAILURE_CODES, Limits, ValidationResult, sandbox, validate
from tests.inference.validation import graphs, hostile

needs_layers = pytest.mark.skipif(not all(sandbox.layers().values()), reason="this kernel lacks a layer of the sandbox")
# What is found in these files, and said of them. Those that try the walls, and one of each kind, use the sandbox.
here = pytest.mark.usefixtures("opened_here")
IRIS, IRIS_LABELS = datasets.load_iris(return_X_y=True)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    return tmp_path / "artifact"


def proved(artifact: Path, content: bytes, **options: Any) -> ValidationResult:
    artifact.write_bytes(content)
    options.setdefault("format", "sklearn")
    result = validate(artifact=artifact, limits=Limits(wall_seconds=120.0), **options)
    json.dumps([result.signature, result.parity, result.golden, result.report], allow_nan=False)
    return result


def refusal(artifact: Path, content: bytes, **options: Any) -> ValidationFailed:
    with pytest.raises(ValidationFailed) as caught:
        proved(artifact, content, **options)
    assert caught.value.code in FAILURE_CODES
    assert caught.value.message
    return caught.value


def ask(result: ValidationResult, artifact: Path, rows: list[Any]) -> Any:
    """The served model's answer to a client."""
    signature = Signature.from_dict(result.signature)
    content = artifact.read_bytes() if result.compiled is None else result.compiled
    model = runtimes.get(result.runtime).load(content, signature)
    handler = handlers.get(signature.handler)
    feeds = handler.preprocess(Payload("instances", rows), signature)
    return handler.postprocess(model.predict(feeds), signature)


def outcome(artifact: Path) -> str:
    try:
        validate(artifact=artifact, format="onnx")
    except ValidationFailed as error:
        return error.code
    return "served"


@needs_layers
class TestPickledModels:
    def test_a_pipeline_is_compiled_proved_and_measured(self, artifact: Path) -> None:
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(IRIS, IRIS_LABELS)
        result = proved(artifact, hostile.dumped(model, compress=3))
        assert (result.runtime, result.task, result.handler) == ("onnx", "classification", "tabular")
        assert result.parity["passed"] is True
        assert result.parity["rows"] > 100
        assert result.load_ms > 0
        assert result.library_versions["scikit-learn"]
        assert result.report["estimator"] == "StandardScaler > LogisticRegression"
        said = ask(result, artifact, IRIS.tolist())
        assert said.predictions == model.predict(IRIS).tolist()
        assert np.array(said.probabilities) == pytest.approx(model.predict_proba(IRIS), abs=1e-4)
        golden = ask(result, artifact, result.golden["instances"])
        assert golden.predictions == result.golden["predictions"]

    @here
    def test_the_sample_names_the_columns_and_takes_part_in_the_proof(self, artifact: Path) -> None:
        model = LogisticRegression(max_iter=500).fit(IRIS, IRIS_LABELS)
        names = ["sepal length", "sepal width", "petal length", "petal width"]
        sample = [dict(zip(names, row, strict=True)) for row in IRIS[:5].tolist()]
        result = proved(
            artifact,
            hostile.dumped(model),
            sample=sample,
            expected=model.predict(IRIS[:5]).tolist(),
            task="classification",
        )
        assert [column["name"] for column in result.signature["inputs"]] == names
        assert result.golden["instances"][:5] == IRIS[:5].tolist()
        assert result.report["sample_rows"] == 5

    @here
    def test_expected_answers_that_differ_fail_with_the_row(self, artifact: Path) -> None:
        expected = [0, 1]
        error = refusal(artifact, hostile.dumped(hostile.classifier()), sample=[[0, 1], [0, 1]], expected=expected)
        assert (error.code, error.field) == ("expected_mismatch", "expected")
        assert "row 1" in error.message

    @here
    @pytest.mark.parametrize(
        ("sample", "place"),
        [([[0, "x"]], "sample[0][1]"), ([[0]], "sample[0]"), ([[0, 1], 5], "rows"), ([[0, 1], [0]], "rows")],
    )
    def test_a_sample_that_does_not_fit_is_refused(self, artifact: Path, sample: Any, place: str) -> None:
        error = refusal(artifact, hostile.dumped(hostile.classifier()), sample=sample)
        assert (error.code, error.field) == ("sample_invalid", "sample")
        assert place in error.message

    @here
    def test_expected_answers_need_their_rows(self, artifact: Path) -> None:
        error = refusal(artifact, hostile.dumped(hostile.classifier()), sample=[[0, 1]], expected=[0, 1])
        assert (error.code, error.field) == ("sample_invalid", "expected")

    @here
    def test_a_task_or_handler_that_does_not_fit_is_refused(self, artifact: Path) -> None:
        content = hostile.dumped(hostile.classifier())
        assert refusal(artifact, content, task="regression").field == "task"
        assert refusal(artifact, content, handler="text").field == "handler"

    @here
    def test_a_text_model_is_compiled(self, artifact: Path) -> None:
        rows = ["late parcel", "good service", "Bad APP crash", "refund please"] * 5
        model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(rows, [0, 1, 2, 3] * 5)
        result = proved(artifact, hostile.dumped(model))
        assert (result.runtime, result.handler) == ("linear_text", "text")
        assert ask(result, artifact, ["BAD app CRASH", "İ PARCEL late"]).predictions == [2, 0]

    @here
    @pytest.mark.parametrize("trusted", [False, True])
    def test_a_model_fitted_on_a_data_frame_is_asked_by_column_names(self, artifact: Path, trusted: bool) -> None:
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"age": [20.0, 40.0, 60.0, 30.0] * 5, "city": ["Köln", "Paris", "東京", "Köln"] * 5})
        encode = ColumnTransformer(
            [("city", OneHotEncoder(handle_unknown="ignore"), ["city"])], remainder="passthrough"
        )
        last = KernelRidge() if trusted else LogisticRegression()
        model = make_pipeline(encode, last).fit(frame, [0, 1, 1, 0] * 5)
        sample = frame.head(3).to_dict(orient="records")
        result = proved(artifact, hostile.dumped(model), trusted=trusted, sample=sample)
        assert result.runtime == ("sklearn" if trusted else "onnx")
        kinds = {column["name"]: column["dtype"] for column in result.signature["inputs"]}
        assert kinds == {"age": "float64", "city": "string"}
        rows = [{"city": "Paris", "age": 41}, {"age": 20, "city": "nowhere"}]
        wanted = model.predict(pandas.DataFrame(rows)[["age", "city"]])
        assert ask(result, artifact, rows).predictions == pytest.approx(wanted.tolist())

    @here
    def test_what_cannot_be_compiled_says_why_in_the_compilers_words(self, artifact: Path) -> None:
        model = KernelRidge().fit(IRIS, IRIS_LABELS.astype(float))
        error = refusal(artifact, hostile.dumped(model))
        assert error.code == "not_compilable"
        assert "KernelRidge" in error.message
        assert "trusted" in error.message
        assert error.report is not None
        assert error.report["candidates"][0]["outcome"] == "not compiled"

    def test_a_trusted_owner_may_have_it_served_natively(self, artifact: Path) -> None:
        model = KernelRidge().fit(IRIS, IRIS_LABELS.astype(float))
        result = proved(artifact, hostile.dumped(model), trusted=True)
        assert (result.runtime, result.compiled) == ("sklearn", None)
        assert result.report["native_because"].startswith("not_compilable")
        assert ask(result, artifact, IRIS.tolist()).predictions == pytest.approx(model.predict(IRIS))
        assert ask(result, artifact, result.golden["instances"]).predictions == result.golden["predictions"]

    @here
    def test_a_trusted_model_that_compiles_is_served_compiled(self, artifact: Path) -> None:
        assert proved(artifact, hostile.dumped(hostile.classifier()), trusted=True).runtime == "onnx"

    def test_a_pickle_that_runs_a_command_is_refused_and_not_run(self, artifact: Path, tmp_path: Path) -> None:
        error = refusal(artifact, hostile.dumped(hostile.shell(tmp_path / "canary"), compress=3))
        assert (error.code, error.field) == ("pickle_forbidden_global", "file")
        assert not (tmp_path / "canary").exists()

    def test_a_cut_file_and_a_file_of_another_kind_are_unreadable(self, artifact: Path) -> None:
        whole = hostile.dumped(hostile.classifier())
        assert refusal(artifact, whole[:-30]).code == "unreadable"
        assert refusal(artifact, b"%PDF-1.7\n" + bytes(100)).code == "unreadable"

    @here
    @pytest.mark.parametrize("thing", [{"weights": [1.0]}, StandardScaler().fit(IRIS)])
    def test_what_does_not_predict_is_refused(self, artifact: Path, thing: Any) -> None:
        assert refusal(artifact, hostile.dumped(thing)).code == "no_predict"

    @here
    def test_a_model_that_is_not_fitted_is_refused(self, artifact: Path) -> None:
        error = refusal(artifact, hostile.dumped(LogisticRegression()))
        assert error.code == "no_predict"
        assert "is not fitted" in error.message

    @here
    def test_a_function_of_ones_own_is_refused_with_advice(self, artifact: Path) -> None:
        model = make_pipeline(FunctionTransformer(graphs.value), LogisticRegression())
        error = refusal(artifact, hostile.dumped(model))
        assert error.code == "pickle_forbidden_global"
        assert "ONNX" in error.message

    @here
    def test_a_model_of_another_version_is_refused_with_both_versions(self, artifact: Path) -> None:
        import sklearn

        ours = sklearn.__version__.encode()
        error = refusal(artifact, hostile.dumped(hostile.classifier()).replace(ours, b"1.2.0"))
        assert error.code == "library_version"
        assert "1.2.0" in error.message
        assert sklearn.__version__ in error.message


def test_an_empty_file_is_refused_before_anything_is_started(artifact: Path) -> None:
    for kind in ("sklearn", "onnx"):
        assert refusal(artifact, b"", format=kind).code == "empty"


def test_an_unknown_format_is_refused(artifact: Path) -> None:
    assert refusal(artifact, b"x", format="abacus").code == "unknown_format"


class TestGraphs:
    def test_a_regressor_is_served_as_it_is(self, artifact: Path) -> None:
        result = proved(artifact, graphs.linear().SerializeToString(), format="onnx")
        assert (result.runtime, result.compiled) == ("onnx", None)
        assert (result.task, result.handler) == ("regression", "tabular")
        assert [c["name"] for c in result.signature["inputs"]] == ["feature_0", "feature_1"]
        assert ask(result, artifact, [[1, 2], [3, 4]]).predictions == pytest.approx([0.5, 1.1], rel=1e-5)

    @here
    def test_several_outputs_are_several_values(self, artifact: Path) -> None:
        model = graphs.linear(outputs=3)
        error = refusal(artifact, model.SerializeToString(), format="onnx")
        assert (error.code, error.field) == ("schema_mismatch", "task")
        result = proved(artifact, model.SerializeToString(), format="onnx", task="regression")
        assert result.signature["multi_output"] == 3
        assert np.array(ask(result, artifact, [[1, 2]]).predictions) == pytest.approx(np.array([[0.9, 1.2, 1.5]]))

    @here
    def test_softmax_scores_are_class_probabilities(self, artifact: Path) -> None:
        result = proved(artifact, graphs.linear(outputs=3, last="Softmax").SerializeToString(), format="onnx")
        assert (result.task, result.signature["classes"]) == ("classification", [0, 1, 2])
        said = ask(result, artifact, [[1, 2], [-1, -2]])
        assert said.predictions == [2, 0]
        assert sum(said.probabilities[0]) == pytest.approx(1)

    @here
    def test_raw_scores_give_labels_without_probabilities(self, artifact: Path) -> None:
        model = graphs.linear(outputs=3)
        result = proved(artifact, model.SerializeToString(), format="onnx", task="classification")
        assert result.signature["has_probabilities"] is False
        assert ask(result, artifact, [[1, 2]]).probabilities is None
        assert result.golden["probabilities"] is None

    @here
    def test_a_sigmoid_is_the_probability_of_the_second_class(self, artifact: Path) -> None:
        result = proved(artifact, graphs.linear(last="Sigmoid").SerializeToString(), format="onnx")
        assert ask(result, artifact, [[9, 9], [-9, -9]]).predictions == [1, 0]

    def test_a_label_with_its_probabilities_in_maps_is_served_as_a_matrix(self, artifact: Path) -> None:
        from skl2onnx import to_onnx

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegression(max_iter=500).fit(IRIS, np.array(["a", "b", "c"])[IRIS_LABELS])
            content = to_onnx(model, IRIS[:1].astype(np.float32)).SerializeToString()
        assert b"ZipMap" in content
        result = proved(artifact, content, format="onnx")
        assert result.compiled is not None
        assert result.signature["classes"] == ["a", "b", "c"]
        said = ask(result, artifact, IRIS.tolist())
        assert said.predictions == model.predict(IRIS).tolist()
        assert np.array(said.probabilities) == pytest.approx(model.predict_proba(IRIS), abs=1e-4)

    @here
    def test_images_are_tensors(self, artifact: Path) -> None:
        model = graphs.model(
            [
                helper.make_node("GlobalAveragePool", ["X"], ["p"]),
                helper.make_node("Flatten", ["p"], ["f"]),
                helper.make_node("Softmax", ["f"], ["y"]),
            ],
            [graphs.value("X", [None, 3, 4, 4])],
            [graphs.value("y", [None, 3])],
        )
        result = proved(artifact, model.SerializeToString(), format="onnx")
        assert (result.handler, result.signature["inputs"][0]["shape"]) == ("tensor", [-1, 3, 4, 4])

    @here
    def test_a_graph_for_one_row_at_a_time_is_served_for_many(self, artifact: Path) -> None:
        model = graphs.linear()
        for value in (model.graph.input[0], model.graph.output[0]):
            value.type.tensor_type.shape.dim[0].dim_value = 1
        result = proved(artifact, model.SerializeToString(), format="onnx")
        assert ask(result, artifact, [[1, 2], [3, 4]]).predictions == pytest.approx([0.5, 1.1], rel=1e-5)

    @here
    def test_column_names_come_from_the_files_metadata(self, artifact: Path) -> None:
        model = graphs.linear()
        helper.set_model_props(model, {"feature_names": '["age", "income"]'})
        result = proved(artifact, model.SerializeToString(), format="onnx")
        assert [column["name"] for column in result.signature["inputs"]] == ["age", "income"]

    @here
    def test_expected_answers_are_compared(self, artifact: Path) -> None:
        content = graphs.linear().SerializeToString()
        proved(artifact, content, format="onnx", sample=[[1, 2]], expected=[0.5])
        error = refusal(artifact, content, format="onnx", sample=[[1, 2]], expected=[0.6])
        assert error.code == "expected_mismatch"

    @here
    def test_a_tensor_in_another_file_is_refused(self, artifact: Path) -> None:
        content = graphs.with_external("constant").SerializeToString()
        assert refusal(artifact, content, format="onnx").code == "onnx_external_data"

    @here
    def test_bytes_that_are_no_graph_are_refused(self, artifact: Path) -> None:
        assert refusal(artifact, b"PK\x03\x04" + bytes(50), format="onnx").code == "onnx_invalid"
        assert refusal(artifact, hostile.dumped(hostile.classifier()), format="onnx").code == "onnx_invalid"

    @here
    def test_an_operator_set_from_the_future_is_refused(self, artifact: Path) -> None:
        model = graphs.linear()
        model.opset_import[0].version = 999
        assert refusal(artifact, model.SerializeToString(), format="onnx").code in ("onnx_invalid", "unsupported_op")

    def test_a_graph_that_asks_for_a_sea_of_memory_is_refused(self, artifact: Path) -> None:
        shape = onnx.numpy_helper.from_array(np.array([1 << 34, 16], dtype=np.int64), "shape")
        model = graphs.model(
            [
                helper.make_node("ConstantOfShape", ["shape"], ["sea"]),
                helper.make_node("ReduceSum", ["sea"], ["s"], keepdims=0),
                helper.make_node("Add", ["X", "s"], ["y"]),
            ],
            [graphs.value("X", [None, 1])],
            [graphs.value("y", [None, 1])],
            [shape],
        )
        assert len(model.SerializeToString()) < 400
        assert refusal(artifact, model.SerializeToString(), format="onnx").code == "memory_limit"

    def test_a_graph_that_never_ends_is_stopped_even_when_it_is_trusted(self, artifact: Path) -> None:
        carried = helper.make_graph(
            [helper.make_node("Identity", ["go"], ["again"]), helper.make_node("Identity", ["x"], ["same"])],
            "body",
            [
                graphs.value("i", [], TensorProto.INT64),
                graphs.value("go", [], TensorProto.BOOL),
                graphs.value("x", [None, 2]),
            ],
            [graphs.value("again", [], TensorProto.BOOL), graphs.value("same", [None, 2])],
        )
        yes = onnx.numpy_helper.from_array(np.array(True), "yes")
        model = graphs.model(
            [helper.make_node("Loop", ["", "yes", "X"], ["y"], body=carried)],
            [graphs.value("X", [None, 2])],
            [graphs.value("y", [None, 2])],
            [yes],
        )
        content = model.SerializeToString()
        assert refusal(artifact, content, format="onnx", task="regression").code == "unsupported_op"
        artifact.write_bytes(content)
        with pytest.raises(ValidationFailed) as caught:
            validate(artifact=artifact, format="onnx", task="regression", trusted=True, limits=Limits(wall_seconds=5.0))
        assert caught.value.code == "timed_out"

    @here
    def test_a_model_whose_rows_depend_on_each_other_is_refused(self, artifact: Path) -> None:
        model = graphs.model(
            [
                helper.make_node("ReduceMean", ["X"], ["m"], axes=[0], keepdims=1),
                helper.make_node("Sub", ["X", "m"], ["y"]),
            ],
            [graphs.value("X", [None, 1])],
            [graphs.value("y", [None, 1])],
        )
        error = refusal(artifact, model.SerializeToString(), format="onnx")
        assert error.code == "schema_mismatch"
        assert "alone" in error.message

    @here
    @pytest.mark.parametrize("kind", [TensorProto.COMPLEX64, TensorProto.BFLOAT16])
    def test_inputs_of_unknown_types_are_refused(self, artifact: Path, kind: int) -> None:
        model = graphs.model(
            [helper.make_node("Identity", ["X"], ["y"])],
            [graphs.value("X", [None, 2], kind)],
            [graphs.value("y", [None, 2], kind)],
        )
        assert refusal(artifact, model.SerializeToString(), format="onnx").code == "schema_mismatch"

    def test_mutants_of_a_good_graph_are_refused_or_served_and_never_crash_this_process(self, artifact: Path) -> None:
        good = graphs.linear(outputs=3, last="Softmax").SerializeToString()
        choose = np.random.default_rng(3)
        for _ in range(4):
            content = bytearray(good)
            for at in choose.integers(len(content), size=3):
                content[at] = int(choose.integers(256))
            artifact.write_bytes(bytes(content))
            assert outcome(artifact) in {"served", *FAILURE_CODES}
