"""What a solution's training yields, proved once for all tests and published afresh for each."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from inference import jobs, validation
from registry import services
from registry.models import ModelVersion
from solutions import publishing
from solutions.trained import TrainedModel
from tests import kept


@cache
def proved(make: Callable[[], TrainedModel]) -> validation.ValidationResult:
    """What the sandbox makes of the model that `make` gives."""
    trained = make()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.joblib"
        file.write_bytes(trained.artifact)
        return kept.verdict(
            artifact=file,
            format="sklearn",
            task=trained.task,
            handler=trained.handler,
            sample=trained.sample,
            expected=trained.expected,
        )


def live(solution: str, make: Callable[[], TrainedModel], by: Any) -> ModelVersion:
    """The next version of the model, live, as `by`."""
    version = publishing.upload(by=by, solution=solution, trained=make(), seed=20)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jobs, "_prove", lambda version, progress: proved(make))
        assert jobs.validate_next()
    version.refresh_from_db()
    assert version.status == "ready", version.failure
    services.activate(version=version, by=by)
    return version
