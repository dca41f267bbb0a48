"""What the admin says about a version."""

import json
import shlex
from typing import Any

import pytest

from registry import presentation
from registry.models import ModelVersion, RegisteredModel, Status


def version(**facts: Any) -> ModelVersion:
    model = RegisteredModel(pk=1, name="toy")
    return ModelVersion(model=model, number=3, size_bytes=10, **facts)


def signature(*inputs: tuple[str, str, list[int]], handler: str = "tabular") -> dict[str, Any]:
    return {"handler": handler, "inputs": [{"name": n, "dtype": d, "shape": s} for n, d, s in inputs]}


def body_of(command: str) -> Any:
    return json.loads(shlex.split(command.replace("\\\n", ""))[-1])


def test_a_live_version_is_called_by_its_models_name_and_another_one_by_its_number() -> None:
    chosen = version(sample=[[1, 2]])
    live = presentation.curl(chosen.model, chosen, is_live=True, origin="https://x.example")
    ready = presentation.curl(chosen.model, chosen, is_live=False, origin="https://x.example")
    assert "https://x.example/api/v1/predict/toy " in live
    assert "https://x.example/api/v1/predict/toy:3 " in ready


@pytest.mark.parametrize(
    "row",
    [
        ["it's"],
        ["'; rm -rf / #"],
        ["$(id) `id` \\"],
        {"naïve": "汉字 \" ' "},
        "line\nbreak",
        [1.5, None, True],
    ],
)
def test_the_command_can_be_pasted_whatever_the_row_holds(row: Any) -> None:
    chosen = version(sample=[row])
    command = presentation.curl(chosen.model, chosen, is_live=True, origin="http://x")
    assert body_of(command) == {"instances": [row]}


def test_a_long_named_row_is_written_in_the_order_of_the_signature() -> None:
    names = [f"c{number}" for number in range(20)]
    chosen = version(
        sample=[{name: at for at, name in enumerate(reversed(names))}],
        signature=signature(*[(name, "float64", [-1]) for name in names]),
    )
    command = presentation.curl(chosen.model, chosen, is_live=True, origin="http://x")
    assert body_of(command) == {"instances": [list(range(19, -1, -1))]}


def test_an_enormous_row_is_left_to_the_reader() -> None:
    chosen = version(sample=[[0.123456] * 1000])
    assert "[…]" in presentation.curl(chosen.model, chosen, is_live=True, origin="http://x")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (signature(("feature_0", "float32", [-1]), ("feature_1", "int64", [-1])), [0.5, 1]),
        (signature(("age", "float64", [-1]), ("city", "string", [-1])), {"age": 0.5, "city": "text"}),
        (signature(("text", "string", [-1]), handler="text"), "a text"),
        (signature(("image", "float32", [-1, 2, -1, 2]), handler="tensor"), [[[0.5, 0.5]], [[0.5, 0.5]]]),
    ],
)
def test_a_row_is_made_up_from_the_signature_when_there_is_no_sample(shape: Any, expected: Any) -> None:
    assert presentation.example_row(version(signature=shape)) == expected


def test_the_shape_of_a_tensor_is_told_without_its_batch() -> None:
    rows = presentation.signature_rows(signature(("x", "float32", [-1, 3, -1]), ("y", "int64", [-1])))
    assert [(row.name, row.dtype, row.shape) for row in rows] == [
        ("x", "float32", "3 × any"),
        ("y", "int64", "one value"),
    ]


def test_the_proof_shows_numbers_and_leaves_out_what_is_empty() -> None:
    found = presentation.proof(
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


def test_progress_stays_between_nothing_and_all() -> None:
    state = presentation.progress(version(status=Status.VALIDATING, progress={"step": "Compiling", "fraction": 7}))
    assert (state["percent"], state["step"], state["has_ended"]) == (100, "Compiling", False)
    assert presentation.progress(version(status=Status.PENDING))["step"] == "Waiting for a job runner"
    assert presentation.progress(version(status=Status.ARCHIVED))["has_ended"] is True


def test_every_status_has_a_look() -> None:
    assert set(presentation.TONES) == set(Status)
