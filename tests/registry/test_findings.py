"""What validation found, as a page shows it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from registry import findings
from registry.models import ModelVersion, RegisteredModel

AT = datetime(2026, 1, 1, tzinfo=UTC)


def version(**facts: Any) -> ModelVersion:
    model = RegisteredModel(pk=1, name="toy")
    return ModelVersion(model=model, number=3, size_bytes=2048, **facts)


def signature(*inputs: tuple[str, str, list[int]], handler: str = "tabular") -> dict[str, Any]:
    return {"handler": handler, "inputs": [{"name": n, "dtype": d, "shape": s} for n, d, s in inputs]}


def test_the_shape_of_a_tensor_is_told_without_its_batch() -> None:
    rows = findings.signature_rows(signature(("x", "float32", [-1, 3, -1]), ("y", "int64", [-1])))
    assert [(row.name, row.kind, row.dtype, row.shape) for row in rows] == [
        ("x", "number", "float32", "3 × any"),
        ("y", "whole number", "int64", "one value"),
    ]


def test_the_proof_shows_numbers_and_leaves_out_what_is_empty() -> None:
    found = findings.proof(
        {
            "passed": True,
            "max_difference": 3.65e-7,
            "rows": 456,
            "reason": "",
            "row": None,
            "candidates": [1],
            "other_thing": 2,
        }
    )
    assert found == [
        ("Answers as the original", "yes"),
        ("Largest difference", "3.65e-07"),
        ("Rows compared", "456"),
        ("Other thing", "2"),
    ]


def test_the_values_an_input_takes_are_listed_and_the_rest_counted() -> None:
    entry = {"name": "city", "dtype": "string", "shape": [-1], "one_of": [f"c{at}" for at in range(20)]}
    row = findings.signature_rows({"inputs": [entry]})[0]
    assert (row.choices[:2], len(row.choices), row.more_choices) == (["c0", "c1"], 12, 8)


@pytest.mark.parametrize(
    ("parity", "share"),
    [
        ({"max_difference": 2.5e-5, "tolerance": 1e-4}, 25.0),
        ({"max_difference": 0.0, "tolerance": 1e-4}, 0.0),
        ({"max_difference": 5.0, "tolerance": 1e-4}, 100.0),
        ({"max_difference": None, "tolerance": 1e-4}, None),
        ({"max_difference": 1.0, "tolerance": 0}, None),
        (None, None),
    ],
)
def test_the_largest_difference_is_a_share_of_what_is_allowed(parity: Any, share: float | None) -> None:
    assert findings.tolerance_used(parity) == (None if share is None else pytest.approx(share))


def test_the_costs_stand_beside_those_of_the_original() -> None:
    report = {"native": {"load_ms": 93.7, "memory_bytes": 4096}}
    told = dict(findings.costs(version(runtime="onnx", compiled="x", load_ms=2.47, memory_bytes=1024, report=report)))
    assert told["Served by"] == "ONNX Runtime, compiled from the original"
    assert told["Loads in"] == "2.5 ms (the original: 94 ms)"
    assert "original: 4.0" in told["Memory"].replace("\xa0", " ")
    assert dict(findings.costs(version())).keys() == {"File"}


def test_golden_rows_stand_in_columns_when_these_are_few() -> None:
    golden = {"instances": [[1.0, "a"], {"y": "b", "x": 2}], "predictions": ["no", 0.123456789]}
    shape = signature(("x", "float32", [-1]), ("y", "string", [-1]))
    found = findings.golden(version(golden=golden, signature=shape))
    assert found == findings.Golden(["x", "y"], [(["1", "a"], "no"), (["2", "b"], "0.123457")])
    wide = signature(*[(f"f{at}", "float32", [-1]) for at in range(9)])
    many = findings.golden(version(golden={"instances": [[0.5] * 9], "predictions": [1]}, signature=wide))
    assert many == findings.Golden([], [(["[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]"], "1")])
    assert findings.golden(version()) is None
    long = findings.golden(version(golden={"instances": [[1.0]] * 25, "predictions": [1] * 25}))
    assert long is not None
    assert (len(long.rows), long.more) == (20, 5)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, []),
        ({"validated_at": AT}, [("None", "It was validated before explanations were prepared.")]),
        (
            {
                "validated_at": AT,
                "explanation": {"method": "tree_shap", "unit": "log-odds", "baseline": "training rows"},
            },
            [("Method", "TreeSHAP, exact"), ("Unit", "log-odds"), ("Baseline", "training rows")],
        ),
        (
            {"validated_at": AT, "explanation": {"code": "not_covered", "message": "No explanations: SVC."}},
            [("None", "No explanations: SVC.")],
        ),
    ],
)
def test_a_page_says_whether_and_how_answers_are_explained(facts: dict[str, Any], told: list[tuple[str, str]]) -> None:
    found = findings.explanation(version(**facts))
    assert [label for label, _ in found] == [label for label, _ in told]
    assert all(text.startswith(wanted) for (_, text), (_, wanted) in zip(found, told, strict=True))
