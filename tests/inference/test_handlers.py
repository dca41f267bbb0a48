"""Payloads in, arrays out; arrays in, plain values out."""

import json
import math
from typing import Any

import numpy as np
import pytest

from inference import handlers
from inference.errors import InputInvalid
from inference.handlers import Payload, cells, tabular
from inference.runtimes.base import RawOutput
from inference.signature import Column, Feed, Signature, SignatureInvalid


def numbers(width: int = 3, dtype: str = "float32", **facts: Any) -> Signature:
    columns = tuple(Column(f"c{at}", "float64") for at in range(width))
    feed = Feed("X", dtype, tuple(range(width)), (-1, width))
    return Signature("tabular", "classification", columns, (feed,), "label", **facts)


def mixed() -> Signature:
    return Signature(
        "tabular",
        "classification",
        (Column("age", "float64"), Column("city", "string"), Column("member", "bool"), Column("visits", "int64")),
        (
            Feed("age", "float32", (0,), (-1, 1)),
            Feed("city", "string", (1,), (-1, 1)),
            Feed("member", "bool", (2,), (-1,)),
            Feed("visits", "int32", (3,), (-1, 1)),
        ),
        "label",
    )


def text(*fold: str) -> Signature:
    column = Column("text", "string", fold=fold)
    return Signature("text", "classification", (column,), (Feed("text", "string", (0,), (-1, 1)),), "label")


FLAT_TEXT = Signature(
    "text", "classification", (Column("text", "string"),), (Feed("text", "string", (0,), (-1,)),), "label"
)


def tensor() -> Signature:
    column = Column("image", "float32", (2, 2))
    return Signature("tensor", "regression", (column,), (Feed("image", "float32", (0,), (-1, 2, 2)),), "value")


def prepare(signature: Signature, data: Any, kind: Any = "instances") -> dict[str, Any]:
    return handlers.get(signature.handler).preprocess(Payload(kind, data), signature)


def refusal(signature: Signature, data: Any, kind: Any = "instances") -> InputInvalid:
    with pytest.raises(InputInvalid) as caught:
        prepare(signature, data, kind)
    return caught.value


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("instances", [[1, 2.5, 3], [4, 5, 6]]),
        ("instances", [{"c0": 1, "c2": 3, "c1": 2.5}, {"c0": 4, "c1": 5, "c2": 6}]),
        ("inputs", {"c2": [3, 6], "c0": [1, 4], "c1": [2.5, 5]}),
        ("dataframe_records", [{"c0": 1, "c1": 2.5, "c2": 3}, {"c0": 4, "c1": 5, "c2": 6}]),
        ("dataframe_split", {"columns": ["c2", "c0", "c1"], "data": [[3, 1, 2.5], [6, 4, 5]]}),
        ("dataframe_split", {"data": [[1, 2.5, 3], [4, 5, 6]], "index": [0, 1]}),
    ],
)
def test_every_form_of_the_same_rows_gives_the_same_matrix(kind: Any, data: Any) -> None:
    matrix = prepare(numbers(), data, kind)["X"]
    assert matrix.dtype == np.float32
    assert matrix.tolist() == [[1, 2.5, 3], [4, 5, 6]]
    assert handlers.get("tabular").count_rows(Payload(kind, data)) == 2


def test_a_truth_where_a_number_is_wanted_is_told_what_to_send() -> None:
    assert "got true; send 1 for true and 0 for false" in refusal(numbers(), [[1, True, 3]]).message


@pytest.mark.parametrize(
    ("data", "kind", "code", "path"),
    [
        ([[1, True, 3]], "instances", "wrong_type", "instances[0][1]"),
        ([[1, 2, 3], [1, "2", 3]], "instances", "wrong_type", "instances[1][1]"),
        ([{"c0": 1, "c1": 2, "c2": "x"}], "instances", "wrong_type", "instances[0].c2"),
        ([[1, None, 3]], "instances", "missing_value", "instances[0][1]"),
        ([[1, [2], 3]], "instances", "wrong_type", "instances[0][1]"),
        ([[1, float("inf"), 3]], "instances", "non_finite", "instances[0][1]"),
        ([[1, float("nan"), 3]], "instances", "non_finite", "instances[0][1]"),
        ([[1, 10**400, 3]], "instances", "non_finite", "instances[0][1]"),
        ([[1, 1e39, 3]], "instances", "non_finite", "instances[0][1]"),
        ([[1, 2, 3], [4, 1e39, 6]], "instances", "non_finite", "instances[1][1]"),
        ([[1, 2]], "instances", "wrong_width", "instances[0]"),
        ([[1, 2, 3], [1, 2]], "instances", "ragged_rows", "instances[1]"),
        ([[1, 2, 3], {"c0": 1}], "instances", "wrong_type", "instances[1]"),
        ([], "instances", "empty_batch", "instances"),
        ([[]], "instances", "empty_batch", "instances[0]"),
        ([{}], "instances", "empty_batch", "instances[0]"),
        ({}, "instances", "wrong_type", "instances"),
        (5, "instances", "wrong_type", "instances"),
        ([5], "instances", "wrong_type", "instances[0]"),
        ({}, "inputs", "empty_batch", "inputs"),
        ([], "inputs", "wrong_type", "inputs"),
        ({"c0": 5}, "inputs", "wrong_type", "inputs"),
        ({"c0": [1], "c1": [1]}, "inputs", "missing_column", "inputs"),
        ({"c0": [1], "c1": [1, 2], "c2": [1]}, "inputs", "ragged_rows", "inputs.c1"),
        ({"c0": [1], "c1": 2, "c2": [1]}, "inputs", "wrong_type", "inputs.c1"),
        ({"c0": [1], "c1": ["2"], "c2": [1]}, "inputs", "wrong_type", "inputs.c1[0]"),
        ([{"c0": 1, "c1": 2}], "instances", "missing_column", "instances[0]"),
        ([{"c0": 1, "c1": 2, "c2": 3, "d": 4}], "instances", "unknown_column", "instances[0]"),
        ([7], "dataframe_records", "wrong_type", "dataframe_records[0]"),
        (7, "dataframe_split", "wrong_type", "dataframe_split"),
        ({"columns": ["c0"], "data": []}, "dataframe_split", "empty_batch", "dataframe_split"),
        ({"columns": ["c0"], "data": [[1]]}, "dataframe_split", "missing_column", "dataframe_split.columns"),
        ({"columns": 3, "data": [[1]]}, "dataframe_split", "wrong_type", "dataframe_split.columns"),
        ({"data": [[1, 2, 3]], "x": 1}, "dataframe_split", "unknown_field", "dataframe_split.x"),
        (
            {"columns": ["c0", "c1", "c1"], "data": [[1, 2, 3]]},
            "dataframe_split",
            "duplicate_column",
            "dataframe_split.columns",
        ),
        (
            {"columns": ["c2", "c1", "c0"], "data": [["x", 2, 3]]},
            "dataframe_split",
            "wrong_type",
            "dataframe_split.data[0][0]",
        ),
    ],
)
def test_a_bad_table_is_refused_with_code_and_path(data: Any, kind: Any, code: str, path: str) -> None:
    error = refusal(numbers(), data, kind)
    assert (error.code, error.path) == (code, path)
    assert error.message


def test_a_refused_cell_names_its_row_and_column() -> None:
    error = refusal(numbers(), [[1, 2, 3], [1, 2, "x"]])
    assert (error.row, error.column) == (1, "c2")


def test_null_is_a_gap_only_where_the_model_takes_gaps() -> None:
    matrix = prepare(numbers(allows_missing=True), [[1, None, 3]])["X"]
    assert math.isnan(matrix[0, 1])
    assert refusal(numbers(allows_missing=True), [[1, float("inf"), 3]]).code == "non_finite"


def test_many_rows_are_read_as_few_are() -> None:
    rows = [[number, number / 7, -number] for number in range(2 * cells.ROWS_AT_ONCE + 1)]
    assert np.array_equal(prepare(numbers(), rows)["X"], np.array(rows, dtype=np.float32))
    rows[-2][1] = 1e39
    assert refusal(numbers(), rows).row == len(rows) - 2


class OnlyInPieces(list[Any]):
    """Rows that nobody may go through at once: compiled code would let no other thread in meanwhile."""

    def __iter__(self) -> Any:
        raise AssertionError("all rows at once")

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        assert not isinstance(at, slice) or len(found) <= cells.ROWS_AT_ONCE
        return found


@pytest.mark.parametrize("last", [[1, 2, 3], [1, 2, "x"]])
def test_many_rows_are_read_some_hundred_at_a_time(last: list[Any]) -> None:
    rows = OnlyInPieces([*[[1, 2, 3]] * (2 * cells.ROWS_AT_ONCE), last])
    matrix = tabular._matrix(rows, numbers())
    assert (matrix is None) == ("x" in last)
    assert matrix is None or matrix.shape == (len(rows), 3)


class ListedInPieces(np.ndarray[Any, Any]):
    """An array of which no more than some hundred rows may be listed at once."""

    def tolist(self) -> Any:
        assert len(self) <= cells.ROWS_AT_ONCE
        return super().tolist()


def test_many_answers_are_listed_some_hundred_at_a_time() -> None:
    count = 2 * cells.ROWS_AT_ONCE + 1
    labels, probabilities = np.arange(count) % 2, np.linspace(0, 1, 2 * count).reshape(count, 2)
    signature = numbers(classes=(0, 1), has_probabilities=True)
    said = answer(signature, labels.view(ListedInPieces), probabilities.view(ListedInPieces))
    assert said.predictions == labels.tolist()
    assert said.probabilities == probabilities.tolist()
    assert said.confidence == probabilities.max(axis=1).tolist()


def test_values_too_large_for_single_precision_fit_double_precision() -> None:
    assert prepare(numbers(dtype="float64"), [[1, 1e39, 3]])["X"][0, 1] == 1e39


def test_finite_values_whose_sum_is_infinite_are_finite_values() -> None:
    row = [1.7e308, 1.7e308, -1.0]
    assert prepare(numbers(dtype="float64"), [row])["X"].tolist() == [row]


def test_columns_of_several_types_reach_the_runtime_in_its_own_types() -> None:
    feeds = prepare(mixed(), [[3, "Köln", True, 7], [4.5, "", False, 8.0]])
    assert feeds["age"].dtype == np.float32
    assert feeds["age"].tolist() == [[3], [4.5]]
    assert feeds["city"].tolist() == [["Köln"], [""]]
    assert feeds["member"].tolist() == [True, False]
    assert feeds["visits"].dtype == np.int32


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ([3, 5, True, 7], "wrong_type", "city"),
        ([3, None, True, 7], "missing_value", "city"),
        ([3, "\ud800", True, 7], "text", "city"),
        ([3, "a\0b", True, 7], "text", "city"),
        ([3, "a", 1, 7], "wrong_type", "member"),
        ([3, "a", True, 7.5], "wrong_type", "visits"),
        ([3, "a", True, True], "wrong_type", "visits"),
        ([3, "a", True, 2**40], "out_of_range", "visits"),
        ([3, "a", True, 2**70], "out_of_range", "visits"),
        ([3, "a", True, 1e300], "out_of_range", "visits"),
        ([3, "a", True, float("inf")], "non_finite", "visits"),
        ([1e39, "a", True, 7], "non_finite", "age"),
    ],
)
def test_a_cell_of_the_wrong_kind_is_found_among_columns_of_several_types(row: Any, code: str, column: str) -> None:
    error = refusal(mixed(), [[1, "b", False, 1], row])
    assert (error.code, error.row, error.column) == (code, 1, column)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("instances", ["Hello", "World"]),
        ("instances", [["Hello"], ["World"]]),
        ("instances", [{"text": "Hello"}, {"text": "World"}]),
        ("inputs", {"text": ["Hello", "World"]}),
        ("dataframe_split", {"columns": ["text"], "data": [["Hello"], ["World"]]}),
    ],
)
def test_texts_come_in_every_form(kind: Any, data: Any) -> None:
    assert prepare(text(), data, kind)["text"].tolist() == [["Hello"], ["World"]]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("instances", ["Hello", "Wörld"]),
        ("instances", [["Hello"], ["Wörld"]]),
        ("inputs", {"text": ["Hello", "Wörld"]}),
    ],
)
def test_a_flat_feed_gets_the_texts_themselves_in_every_form(kind: Any, data: Any) -> None:
    array = prepare(FLAT_TEXT, data, kind)["text"]
    assert (array.dtype, array.tolist()) == (np.dtype(object), ["Hello", "Wörld"])


def test_a_flat_feed_takes_no_row_that_another_refuses() -> None:
    for data in ([], ["a", 3], ["a", None], ["a", "\ud800"], ["a", "b\0c"], ["a", ["b", "c"]], ["a", {"text": "b"}]):
        with_column, flat = (refusal(signature, data) for signature in (text(), FLAT_TEXT))
        assert (with_column.code, str(with_column)) == (flat.code, str(flat))


@pytest.mark.parametrize(
    ("fold", "given", "folded"),
    [
        (("lowercase",), "ΟΔΟΣ İ STRASSE", "οδος i̇ strasse"),
        (("lowercase", "without_accents"), "CAFÉ ﬁne", "cafe fine"),
        (("ascii_only",), "Ærø café", "r cafe"),
        (("single_spaces",), "a \n b c", "a b c"),
    ],
)
def test_texts_are_folded_as_python_folds_them(fold: tuple[str, ...], given: str, folded: str) -> None:
    assert prepare(text(*fold), [given])["text"].tolist() == [[folded]]


@pytest.mark.parametrize(("data", "code"), [(["\udfff"], "text"), ([3], "wrong_type"), ([None], "missing_value")])
def test_what_is_no_text_is_refused(data: Any, code: str) -> None:
    error = refusal(text(), data)
    assert (error.code, error.path) == (code, "instances[0]")


@pytest.mark.parametrize("kind", ["instances", "inputs"])
def test_tensors_keep_their_shape(kind: Any) -> None:
    rows = [[[1, 2], [3, 4]], [[5, 6], [7, 8.5]]]
    array = prepare(tensor(), rows if kind == "instances" else {"image": rows}, kind)["image"]
    assert array.shape == (2, 2, 2)
    assert array[1, 1, 1] == 8.5


@pytest.mark.parametrize(
    ("rows", "code", "path"),
    [
        ([[[1, 2], [3, True]]], "wrong_type", "instances[0][1][1]"),
        ([[[1, 2], [3, "4"]]], "wrong_type", "instances[0][1][1]"),
        ([[[1, 2], [3]]], "wrong_width", "instances[0][1]"),
        ([[[1, 2]]], "wrong_width", "instances[0]"),
        ([[1, 2]], "wrong_type", "instances[0][0]"),
        ([[[1, 2], [3, 1e300]]], "non_finite", "instances[0][1][1]"),
        ([[[1, 2], [3, 10**400]]], "non_finite", "instances[0][1][1]"),
        ([[[1, 2], [3, None]]], "missing_value", "instances[0][1][1]"),
        ([], "empty_batch", "instances"),
    ],
)
def test_a_bad_tensor_is_refused_with_the_path_to_the_cell(rows: Any, code: str, path: str) -> None:
    error = refusal(tensor(), rows)
    assert (error.code, error.path) == (code, path)


def test_tensor_models_refuse_data_frames() -> None:
    assert refusal(tensor(), [{"image": 1}], "dataframe_records").path == "dataframe_records"


def test_several_named_tensors_are_sent_as_objects() -> None:
    columns = (Column("a", "float32", (2,)), Column("b", "int64", (-1,)))
    feeds = (Feed("a", "float32", (0,), (-1, 2)), Feed("b", "int32", (1,), (-1, -1)))
    signature = Signature("tensor", "regression", columns, feeds, "value")
    arrays = prepare(signature, [{"a": [1, 2], "b": [3, 4, 5]}])
    assert arrays["b"].tolist() == [[3, 4, 5]]
    assert refusal(signature, [{"a": [1, 2]}]).code == "missing_column"
    assert refusal(signature, [{"a": [1, 2], "b": [1], "c": 1}]).code == "unknown_column"
    assert refusal(signature, {"a": [[1, 2]], "b": [[1], [2]]}, "inputs").code == "ragged_rows"
    assert refusal(signature, [{"a": [1, 2], "b": [2**40]}]).code == "out_of_range"


def answer(signature: Signature, labels: Any, probabilities: Any = None) -> Any:
    return handlers.get(signature.handler).postprocess(RawOutput(labels, probabilities), signature)


def test_answers_are_plain_values_that_json_can_carry() -> None:
    signature = numbers(classes=("no", "yes"), has_probabilities=True)
    said = answer(signature, np.array(["yes"], dtype=object), np.array([[0.25, 0.75]], dtype=np.float32))
    assert said.predictions == ["yes"]
    assert said.probabilities == [[0.25, 0.75]]
    assert said.classes == ["no", "yes"]
    assert said.confidence == [0.75]
    json.dumps([said.predictions, said.probabilities, said.classes, said.confidence], allow_nan=False)


@pytest.mark.parametrize("rows", [2, 200])
def test_nan_and_infinity_become_null(rows: int) -> None:
    column = Column("c", "float64")
    signature = Signature("tabular", "regression", (column,), (Feed("X", "float32", (0,), (-1, 1)),), "value")
    values = np.ones((rows, 1), dtype=np.float32)
    values[0], values[1] = np.nan, np.inf
    assert answer(signature, values).predictions == [None, None, *[1.0] * (rows - 2)]


@pytest.mark.parametrize("times", [1, 100])
def test_a_row_without_any_probability_has_no_confidence(times: int) -> None:
    signature = numbers(classes=(0, 1), has_probabilities=True)
    probabilities = [[np.nan, np.nan], [np.nan, 0.5], [np.inf, 0.25]] * times
    said = answer(signature, np.array([0, 1, 1] * times), np.array(probabilities))
    assert said.confidence == [None, 0.5, 0.25] * times


@pytest.mark.parametrize(("classes", "wanted"), [((False, True), True), ((0.0, 1.0), 1.0), ((0, 1), 1)])
def test_labels_have_the_type_of_the_classes(classes: tuple[Any, ...], wanted: Any) -> None:
    label = answer(numbers(classes=classes), np.array([1])).predictions[0]
    assert (label, type(label)) == (wanted, type(wanted))


def test_several_outputs_are_lists() -> None:
    signature = Signature("tabular", "regression", (Column("c", "float64"),), (), "value", multi_output=2)
    assert answer(signature, np.array([[1.0, 2.0], [3.0, np.nan]])).predictions == [[1.0, 2.0], [3.0, None]]


def test_a_column_of_known_values_refuses_others() -> None:
    columns = (Column("size", "float64", one_of=(1, 2.5)), Column("city", "string", one_of=("Köln",)))
    feeds = (Feed("size", "float32", (0,), (-1, 1)), Feed("city", "string", (1,), (-1, 1)))
    signature = Signature("tabular", "classification", columns, feeds, "label", allows_missing=True)
    assert prepare(signature, [[1.0, "Köln"], [2.5, "Köln"], [None, "Köln"]])["size"].shape == (3, 1)
    error = refusal(signature, [[1, "Köln"], [1, "Bonn"]])
    assert (error.code, error.path, error.column) == ("unknown_category", "instances[1][1]", "city")
    assert refusal(signature, [[2, "Köln"]]).code == "unknown_category"
    assert refusal(signature, [[[1], "Köln"]]).code == "wrong_type"
    assert Signature.from_dict(json.loads(json.dumps(signature.to_dict()))) == signature


@pytest.mark.parametrize("signature", [numbers(), mixed(), text("lowercase"), tensor()])
def test_a_signature_survives_its_json_form(signature: Signature) -> None:
    assert Signature.from_dict(json.loads(json.dumps(signature.to_dict()))) == signature


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"handler": "audio"},
        {"task": None},
        {"inputs": [{"name": "a", "dtype": "complex", "shape": [-1]}]},
        {"inputs": [{"name": "a", "dtype": "string", "shape": [-1], "fold": ["rot13"]}]},
        {"feeds": [{"name": "X", "dtype": "float32", "columns": [9], "shape": [-1, 1]}]},
        {"outputs": {"labels": 5, "probabilities": None}},
        {"classes": [[1]]},
        {"inputs": 7},
    ],
)
def test_a_signature_of_unknown_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SignatureInvalid):
        Signature.from_dict({**numbers().to_dict(), **change})


def test_column_names_are_unique() -> None:
    with pytest.raises(SignatureInvalid, match="unique"):
        Signature("tabular", "regression", (Column("a", "float64"), Column("a", "float64")), (), "value")
