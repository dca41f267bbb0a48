"""What the admin says about a version."""

from typing import Any

from registry import presentation
from registry.models import ModelVersion, RegisteredModel, Status


def version(**facts: Any) -> ModelVersion:
    model = RegisteredModel(pk=1, name="toy")
    return ModelVersion(model=model, number=3, size_bytes=10, **facts)


def signature(*inputs: tuple[str, str, list[int]], handler: str = "tabular") -> dict[str, Any]:
    return {"handler": handler, "inputs": [{"name": n, "dtype": d, "shape": s} for n, d, s in inputs]}


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
