"""Files are scored as a client's rows are: the same arrays, the same answers, the same words for what is wrong."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference import handlers, runtimes
from inference.bulk import arrow, files, planning, reading, scoring
from inference.bulk.files import FileUnreadable
from inference.bulk.scoring import Scored
from inference.errors import InputInvalid, ModelExecutionFailed
from inference.handlers import columns as columnar
from inference.handlers.answers import to_columns, to_predictions
from inference.handlers.base import Payload
from inference.runtimes.base import RawOutput
from inference.signature import Signature
from tests import toys

ORACLE = Signature.from_dict(toys.ORACLE_SIGNATURE)
MODEL = runtimes.get("onnx").load(toys.oracle(1.0), ORACLE)
MIXED: dict[str, Any] = {
    **toys.ORACLE_SIGNATURE,
    "inputs": [
        {"name": "x", "dtype": "float64", "shape": [-1]},
        {"name": "n", "dtype": "int64", "shape": [-1]},
        {"name": "word", "dtype": "string", "shape": [-1], "fold": ["lowercase"]},
        {"name": "kind", "dtype": "string", "shape": [-1], "one_of": ["a", "b"]},
        {"name": "flag", "dtype": "bool", "shape": [-1]},
    ],
    "feeds": [
        {"name": "numbers", "dtype": "float32", "columns": [0, 1], "shape": [-1, 2]},
        {"name": "words", "dtype": "string", "columns": [2, 3], "shape": [-1, 2]},
        {"name": "flags", "dtype": "bool", "columns": [4], "shape": [-1, 1]},
    ],
    "allows_missing": True,
}


def scored(path: Path, content: bytes, *, name: str = "rows.csv", results: Any = "jsonl", **facts: Any) -> list[Any]:
    """All rows of the results, as objects."""
    path.write_bytes(content)
    signature, predict = facts.get("signature", ORACLE), facts.get("predict", MODEL.predict)
    plan = planning.plan(path, files.recognise(path, name), signature)
    scorer = scoring.scorer(signature, predict, plan, results)
    found: list[Scored] = [scorer.score(part, content) for part, content in reading.contents(path, plan, plan.parts)]
    text = b"".join(one.content for one in found)
    assert sum(one.rows for one in found) == plan.rows
    if results != "jsonl":
        return [text]
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["row"] for row in rows] == list(range(1, plan.rows + 1))
    assert sum("error" in row for row in rows) == sum(one.failed for one in found)
    return rows


@pytest.fixture(params=[True, False], ids=["arrow", "plain"])
def with_arrow(request: Any, monkeypatch: Any) -> bool:
    """Both parsers of CSV must say the same."""
    if not request.param:
        monkeypatch.setattr(arrow, "is_there", lambda: False)
    elif not arrow.is_there():
        pytest.skip("pyarrow is not installed")
    return bool(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows"


def test_rows_are_answered_in_order(path: Path, with_arrow: bool) -> None:
    rows = scored(path, b"y,x\n0,1.5\n0,2.5\n")
    assert rows == [{"row": 1, "prediction": 2.5}, {"row": 2, "prediction": 3.5}]


def test_a_bad_row_is_told_and_fails_nothing(path: Path, with_arrow: bool) -> None:
    rows = scored(path, b'x,y,more\n1,2,a\nabc,2,a\n,2,a\n1e999,2,a\n1,2\n3,2,"a,\n""b"\ninf,1,a\n0x10,1,a\n+4,.5,a\n')
    errors = [(row["error"]["code"], row["error"]["field"]) if "error" in row else row["prediction"] for row in rows]
    assert errors == [
        2.0, ("wrong_type", "x"), ("missing_value", "x"), ("non_finite", "x"), ("wrong_width", None), 4.0,
        ("wrong_type", "x"), ("wrong_type", "x"), 5.0,
    ]  # fmt: skip
    assert rows[1]["error"]["message"] == "expected a number, got 'abc'"


def test_delimiters_marks_and_line_ends_of_other_programs_are_understood(path: Path, with_arrow: bool) -> None:
    assert scored(path, "\ufeffx;y\r\n1;2\r\n\r\n3;2".encode()) == [
        {"row": 1, "prediction": 2.0},
        {"row": 2, "prediction": 4.0},
    ]


def test_quotes_inside_a_field_do_not_join_rows(path: Path, with_arrow: bool) -> None:
    rows = scored(path, b'x,y,size\n1,2,5" pipe\n3,2,6" pipe\n')
    assert [row["prediction"] for row in rows] == [2.0, 4.0]


def test_json_lines_are_read_as_objects_lists_and_with_more_than_is_asked(path: Path) -> None:
    content = b'{"x": 1, "y": 2}\n[3, 4]\n{"x": 5, "y": 0, "id": 9}\nnonsense\n{"x": 1}\n{"x": NaN, "y": 1}\n'
    rows = scored(path, content, name="rows.jsonl")
    told = [row.get("prediction", row.get("error", {}).get("code")) for row in rows]
    assert told == [2.0, 4.0, 6.0, "json", "missing_column", "json"]


@pytest.mark.parametrize(
    "lines", [[b"[1", b"2]", b"3,4"], [b"[1", b"2]", b"3,null,4"], [b'{"x":1', b'"y":2}', b"[1,2],[3,4]"]]
)
def test_lines_that_are_whole_only_together_are_refused_each(path: Path, lines: list[bytes]) -> None:
    rows = scored(path, b"\n".join(lines) + b"\n[3, 4]\n", name="rows.jsonl")
    told = [row.get("prediction", row.get("error", {}).get("code")) for row in rows]
    assert told == ["json", "json", "json", 4.0]


def test_texts_and_tensors_are_scored_too(path: Path) -> None:
    words = Signature.from_dict(toys.WORDS_SIGNATURE)
    predict = runtimes.get("onnx").load(toys.words(), words).predict
    rows = scored(path, b'text\nspam\n"ham, ""eggs"""\n', signature=words, predict=predict)
    assert [row["prediction"] for row in rows] == [1.0, 0.0]
    broken = scored(path, b"text\nspam\nsp\xffam\n", signature=words, predict=predict)
    assert [row.get("prediction", row.get("error", {}).get("code")) for row in broken] == [1.0, "text"]
    image = Signature.from_dict(toys.IMAGE_SIGNATURE)
    predict = runtimes.get("onnx").load(toys.image(), image).predict
    lines = b'[[1, 2], [3, 4]]\n{"image": [[1, 0], [0, 0]]}\n[[1, 2]]\n'
    rows = scored(path, lines, name="rows.jsonl", signature=image, predict=predict)
    assert [row.get("prediction", row.get("error", {}).get("code")) for row in rows] == [10.0, 1.0, "wrong_width"]


def test_a_row_that_the_model_stumbles_over_is_found_and_the_others_are_answered(path: Path) -> None:
    def predict(feeds: Any) -> RawOutput:
        if (feeds["X"][:, 0] == 7).any():
            raise ModelExecutionFailed("seven")
        return MODEL.predict(feeds)

    rows = scored(path, b"x,y\n" + b"".join(b"%d,0\n" % at for at in range(20)), predict=predict)
    assert [row["row"] for row in rows if "error" in row] == [8]
    assert rows[7]["error"]["code"] == "model_failed"
    assert [row["prediction"] for row in rows if "error" not in row] == [at + 1.0 for at in range(20) if at != 7]


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"a,b\n1,2\n", "missing_column", 1),
        (b"x,y,x\n1,2,3\n", "duplicate_column", 1),
        (b"x,y\n", "empty_file", None),
        (b'x,y\n1,2\n"1,2\n', "unclosed_quote", 2),
        ("x,y\n1,2\n".encode("utf-16"), "encoding", 1),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(path: Path, content: bytes, code: str, line: Any) -> None:
    with pytest.raises(FileUnreadable) as refused:
        scored(path, content)
    assert (refused.value.code, refused.value.line) == (code, line)


def test_a_csv_of_results_has_a_heading_and_no_formulas(path: Path) -> None:
    signature = Signature.from_dict(
        {
            **toys.ORACLE_SIGNATURE,
            "task": "classification",
            "classes": ["=1+1", "no"],
            "has_probabilities": True,
            "outputs": {"labels": "value", "probabilities": "p"},
        }
    )

    def predict(feeds: Any) -> RawOutput:
        return RawOutput(np.array(["=1+1"] * len(feeds["X"]), dtype=object), np.full((len(feeds["X"]), 2), 0.5))

    (text,) = scored(path, b"x,y\n1,2\n=2,3\n", results="csv", signature=signature, predict=predict)
    rows = list(csv.reader(io.StringIO(text.decode())))
    assert rows[0][:5] == ["1", "'=1+1", "0.5", "0.5", "0.5"]
    assert rows[1][5:] == ["wrong_type", "x", "expected a number, got '=2'"]
    from inference.bulk import writing

    heading = next(csv.reader([writing.header(signature, "csv").decode()]))
    assert [len(row) for row in rows] == [len(heading)] * 2


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([True, 1, "1", 1], ['"true"', "1", '"1"', "1"]),
        (["a,b", 'say "hi"', "a,b", "-1"], ['"a,b"', '"say ""hi"""', '"a,b"', '"\'-1"']),
    ],
)
def test_labels_that_are_equal_but_of_other_types_are_written_as_they_are(labels: Any, told: list[str]) -> None:
    from inference.bulk import writing

    values = np.empty(len(labels), dtype=object)
    values[:] = labels
    assert writing._texts(values, is_csv=True) == told


def test_a_csv_tells_a_gap_of_the_model_as_an_empty_field(path: Path) -> None:
    signature = Signature.from_dict(
        {
            **toys.ORACLE_SIGNATURE,
            "task": "classification",
            "classes": ["no", "yes"],
            "has_probabilities": True,
            "outputs": {"labels": "value", "probabilities": "p"},
        }
    )

    def predict(feeds: Any) -> RawOutput:
        return RawOutput(np.array(["no", "null"], dtype=object), np.array([[0.25, np.nan], [np.nan, np.inf]]))

    (text,) = scored(path, b"x,y\n1,2\n2,3\n", results="csv", signature=signature, predict=predict)
    assert text == b'1,"no",0.25,0.25,,,,\n2,"null",,,,,,\n'


def test_numbers_are_read_without_pandas(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    program = """
import sys
from inference.bulk import arrow
from inference.bulk.files import Plan
from inference.signature import Signature
from tests import toys
plan = Plan("csv", 2, (), ",", (0, 1), 2)
found = arrow.csv_columns(b"1,2\\n3,4\\n", plan, 2, Signature.from_dict(toys.ORACLE_SIGNATURE))
print([column.values.tolist() for column in found], "pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100)
    assert done.stdout.strip() == "[[1.0, 3.0], [2.0, 4.0]] False", done.stderr


def test_parquet_is_read_in_parts_and_written(path: Path, monkeypatch: Any) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    monkeypatch.setattr(planning, "PART_ROWS", 7)
    cells = [None if at == 11 else float(at) for at in range(40)]
    table = pa.table({"id": [str(at) for at in range(40)], "y": [0] * 40, "x": cells})
    parquet.write_table(table, path, row_group_size=16)
    content = path.read_bytes()
    rows = scored(path, content)
    assert [row.get("prediction") for row in rows] == [None if cell is None else cell + 1 for cell in cells]
    assert rows[11]["error"]["code"] == "missing_value"
    plan = planning.plan(path, "parquet", ORACLE)
    scorer = scoring.scorer(ORACLE, MODEL.predict, plan, "parquet")
    late = list(plan.parts)[4:]
    parts = [scorer.score(part, bites) for part, bites in reading.contents(path, plan, late)]
    told = parquet.read_table(io.BytesIO(parts[0].content)).to_pydict()
    assert told["row"][0] == late[0].first_row + 1
    assert told["prediction"][0] == cells[late[0].first_row] + 1


_NUMBERS = st.sampled_from(
    ["", "1", "-2.5", "1e3", "+7", "nan", "NA", "inf", "x", "1_0", " 4 ", "1e39", "1e400", ".", "1e"]
)
_INTEGERS = st.sampled_from(["1", "-3", "2.0", "2.5", "", "99999999999999999999", "0x1", "9007199254740993", "x"])
_WORDS = st.sampled_from(["a", "B", "", "é", "a,b", 'a"b', "line\nbreak", "nul\0", "=1"])
_KINDS = st.sampled_from(["a", "b", "c", ""])
_FLAGS = st.sampled_from(["true", "False", "1", "", "yes"])


@settings(max_examples=60)
@given(st.lists(st.tuples(_NUMBERS, _INTEGERS, _WORDS, _KINDS, _FLAGS), min_size=1, max_size=12))
def test_columns_are_judged_and_packed_as_the_handler_does_with_rows(tmp_path_factory: Any, rows: list[Any]) -> None:
    signature = Signature.from_dict(MIXED)
    text = io.StringIO(newline="")
    csv.writer(text).writerows([signature.names, *rows])
    seen: dict[str, list[Any]] = {"numbers": [], "words": [], "flags": []}

    def predict(feeds: Any) -> RawOutput:
        for name, kept in seen.items():
            kept.append(feeds[name])
        return RawOutput(np.zeros(len(feeds["numbers"])), None)

    path = tmp_path_factory.mktemp("rows") / "rows"
    told = {}
    for is_there in {arrow.is_there(), False}:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(arrow, "is_there", lambda: is_there)  # noqa: B023
            for kept in seen.values():
                kept.clear()
            found = scored(path, text.getvalue().encode(), signature=signature, predict=predict)
            told[is_there] = found, {name: np.concatenate(kept) for name, kept in seen.items() if kept}
    (found, feeds), *others = told.values()
    for other_found, other_feeds in others:
        assert other_found == found
        assert feeds.keys() == other_feeds.keys()
        assert all(np.array_equal(feeds[name], other_feeds[name], equal_nan=name == "numbers") for name in feeds)
    _compare_with_the_handler(rows, found, feeds, signature)


def _compare_with_the_handler(rows: list[Any], found: list[Any], feeds: Any, signature: Signature) -> None:
    from inference.bulk.cell_columns import from_texts

    by_column = zip(*rows, strict=True)
    columns = [from_texts(texts, column) for texts, column in zip(by_column, signature.inputs, strict=True)]
    good = []
    for at, result in enumerate(found):
        instance = {name: column.cell(at) for name, column in zip(signature.names, columns, strict=True)}
        refusal = None
        try:
            good.append(handlers.get("tabular").preprocess(Payload("instances", [instance]), signature))
        except InputInvalid as error:
            refusal = error.code, error.column
        told = result.get("error")
        assert refusal == (told and (told["code"], told["field"]))
    for name in feeds:
        expected = np.concatenate([one[name] for one in good])
        assert expected.dtype == feeds[name].dtype
        assert np.array_equal(expected, feeds[name], equal_nan=name == "numbers")


@pytest.mark.parametrize(
    ("classes", "multi"),
    [
        (["no", "yes"], None), ([0, 1], None), ([False, True], None), ([0.5, 1.5], None), (None, None),
        (["no", "yes"], 2), ([0, 1], 2), (None, 2),
    ],
)  # fmt: skip
def test_answers_in_columns_are_those_in_rows(classes: Any, multi: Any) -> None:
    facts = {"task": "regression" if classes is None else "classification", "classes": classes, "multi_output": multi}
    signature = Signature.from_dict({**toys.ORACLE_SIGNATURE, **facts, "has_probabilities": classes is not None})
    labels = np.array([0.1, np.nan, np.inf, 2.0], dtype=np.float32) if classes is None else np.array(classes * 2)
    probabilities = None if classes is None else np.array([[0.1, 0.9], [np.nan, 1.0]] * (1 if multi else 2), np.float32)
    output = RawOutput(labels if multi is None else labels.reshape(-1, multi), probabilities)
    rows, columns = to_predictions(output, signature), to_columns(output, signature)
    assert _listed(columns.labels) == rows.predictions
    if probabilities is not None:
        assert _listed(columns.probabilities) == rows.probabilities
        assert _listed(columns.confidence) == rows.confidence


def _listed(array: Any) -> Any:
    def plain(value: Any) -> Any:
        return [plain(one) for one in value] if isinstance(value, list) else None if value != value else value

    return plain(array.tolist())


def test_a_table_that_fits_needs_no_look_at_single_rows() -> None:
    columns = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    assert not columnar.misfits(columns, ORACLE).any()
    expected = handlers.get("tabular").preprocess(Payload("instances", [[1.0, 3.0], [2.0, 4.0]]), ORACLE)
    assert np.array_equal(columnar.to_feeds(columns, ORACLE)["X"], expected["X"])
