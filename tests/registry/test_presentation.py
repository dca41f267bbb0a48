"""What the admin says about a version."""

from typing import Any

from registry import presentation
from registry.models import ModelVersion, RegisteredModel, Status


def version(**facts: Any) -> ModelVersion:
    model = RegisteredModel(pk=1, name="toy")
    return ModelVersion(model=model, number=3, size_bytes=10, **facts)


def test_progress_stays_between_nothing_and_all() -> None:
    state = presentation.progress(version(status=Status.VALIDATING, progress={"step": "Compiling", "fraction": 7}))
    assert (state["percent"], state["step"], state["has_ended"]) == (100, "Compiling", False)
    assert presentation.progress(version(status=Status.PENDING))["step"] == "Waiting for a job runner"
    assert presentation.progress(version(status=Status.ARCHIVED))["has_ended"] is True


def test_every_status_has_a_look() -> None:
    assert set(presentation.TONES) == set(Status)
