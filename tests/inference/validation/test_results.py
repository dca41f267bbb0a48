"""What comes back from the sandbox is a stranger's word."""

from typing import Any

import pytest

from inference.errors import ValidationFailed
from inference.signature import Column, Feed, Signature
from inference.validation import results, sandbox
from inference.validation.limits import golden_count

SIGNATURE = Signature(
    "tabular", "regression", (Column("a", "float64"),), (Feed("X", "float32", (0,), (-1, 1)),), "value"
)


def header(**changes: Any) -> dict[str, Any]:
    honest = {
        "signature": SIGNATURE.to_dict(),
        "parity": {"passed": True},
        "golden": {"instances": [[1.0]], "predictions": [2.0], "probabilities": None},
        "load_ms": 1.5,
        "memory_bytes": 1000,
        "library_versions": {"onnxruntime": "1"},
    }
    return {**honest, **changes}


def result(report: dict[str, Any] | None = None, **changes: Any) -> results.ValidationResult:
    return results.result_from("onnx", None, header(**changes), report or {}, {})


def test_an_honest_answer_is_taken() -> None:
    taken = result()
    assert (taken.load_ms, taken.memory_bytes, taken.task) == (1.5, 1000, "regression")
    assert taken.golden["predictions"] == [2.0]


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": None},
        {"signature": {"version": 1}},
        {"signature": "tabular"},
        {"golden": None},
        {"golden": {"instances": [[1.0]], "predictions": []}},
        {"golden": {"instances": [[1.0]], "predictions": [{"a": 1}]}},
        {"golden": {"instances": [[1.0]], "predictions": [[[[1.0]]]]}},
        {"golden": {"instances": [[1.0]], "predictions": [1.0], "probabilities": [[1.0], [1.0]]}},
        {"golden": {"instances": [[1.0]], "predictions": [1.0], "probabilities": {"a": 1}}},
        {"parity": {"max_difference": float("inf")}},
        {"golden": {"instances": ["\ud800"], "predictions": [1.0], "probabilities": None}},
    ],
)
def test_an_answer_of_the_wrong_form_is_a_disturbance(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed) as caught:
        result(**changes)
    assert caught.value.code == "crashed"


@pytest.mark.parametrize("value", ["many", None, -1, 1e30, [], True])
def test_measures_that_are_no_measures_count_as_zero_or_one(value: Any) -> None:
    assert result(load_ms=value, memory_bytes=value).memory_bytes in (0, 1)


def test_text_that_databases_refuse_is_refused_here() -> None:
    with pytest.raises(ValidationFailed) as caught:
        result(report={"estimator": "a\0b"})
    assert caught.value.code == "schema_mismatch"


def test_a_flood_is_not_stored() -> None:
    with pytest.raises(ValidationFailed) as caught:
        result(report={"candidates": ["x" * results.STORED_BYTES]})
    assert caught.value.code == "output_too_large"


def test_versions_are_short_plain_text() -> None:
    taken = result(library_versions={"numpy\x1b[31m" + "x" * 99: "2" * 99, "b": 3})
    assert all(
        len(name) <= 40 and name.isprintable() and len(text) <= 40 for name, text in taken.library_versions.items()
    )


def test_the_report_of_a_native_version_says_why() -> None:
    told = {
        "native_signature": SIGNATURE.to_dict(),
        "signature": None,
        "rows": [[1.0], [2.0]],
        "gaps_from": 2,
        "reference": {"predictions": [1.0, 2.0], "probabilities": None, "margins": None},
    }
    reply = sandbox.Reply(told, (), ("landlock", "seccomp"))
    taken = results.native_result(reply, results.told_by(reply), "sklearn", "not_compilable: no way")
    assert (taken.runtime, taken.report["native_because"]) == ("sklearn", "not_compilable: no way")
    assert taken.golden["predictions"] == [1.0, 2.0]


@pytest.mark.parametrize("changes", [{"rows": None}, {"gaps_from": "2"}, {"native_signature": None}, {"reference": []}])
def test_a_converter_that_tells_half_the_story_is_not_believed(changes: dict[str, Any]) -> None:
    told = {
        "native_signature": SIGNATURE.to_dict(),
        "signature": None,
        "rows": [],
        "gaps_from": 0,
        "reference": {"predictions": []},
    }
    with pytest.raises(ValidationFailed) as caught:
        results.told_by(sandbox.Reply({**told, **changes}, (), ()))
    assert caught.value.code == "crashed"


@pytest.mark.parametrize(
    ("tried", "code", "words"),
    [
        ([], "not_compilable", "cannot translate"),
        (None, "not_compilable", "cannot translate"),
        ([{"outcome": "not compiled", "error": "NoConverter: sorry"}], "not_compilable", "NoConverter: sorry"),
        (
            [{"outcome": "different", "parity": {"reason": "3 labels differ", "row": 7}}],
            "parity_failed",
            "3 labels differ (row 7",
        ),
        ([{"outcome": "different", "parity": 5}, 7], "parity_failed", "does not answer"),
    ],
)
def test_the_reason_why_nothing_was_compiled(tried: Any, code: str, words: str) -> None:
    error = results.not_compiled(tried)
    assert error.code == code
    assert words in error.message
    assert "trusted" in error.message


def test_every_sample_row_is_kept_as_golden_up_to_a_bound():
    assert [golden_count(rows) for rows in (0, 3, 8, 40, 1000)] == [8, 8, 8, 40, 100]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"code": "too_large", "message": "Too\x1b large."}, {"code": "too_large", "message": "Too  large."}),
        ({"code": "made_up", "message": 3}, {"code": "not_covered", "message": ""}),
        ({"method": "linear_text", "unit": "score"}, {"code": "not_covered", "message": ""}),
        ("nothing", {"code": "not_covered", "message": ""}),
        (None, {"code": "not_covered", "message": ""}),
    ],
)
def test_only_known_reasons_in_plain_words_say_why_there_is_no_explanation(told: Any, kept: dict[str, str]) -> None:
    reply = sandbox.Reply({"explanation": told}, (b"compiled",), ())
    taken = results.with_explanation(result(), reply)
    assert (taken.explanation, taken.explainer) == (kept, None)


def test_a_plan_that_cannot_be_read_is_not_kept() -> None:
    reply = sandbox.Reply({"explanation": {"method": "linear"}, "has_explainer": True}, (b"compiled", b"no plan"), ())
    with pytest.raises(ValidationFailed) as caught:
        results.with_explanation(result(), reply)
    assert caught.value.code == "crashed"
