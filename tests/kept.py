"""What takes seconds to make and comes out the same: made by the first process that needs it, kept for a run's rest.

KEPT_DIR names where; without it each run of pytest has a directory of its own, which ends with it.
"""

import fcntl
import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference import validation
from tests import opened_here

_validate = validation.validate


def once(name: str, make: Callable[[], Any]) -> Any:
    """What `make` yields. Others who want the same name meanwhile wait; a failure is not kept."""
    file = Path(os.environ["KEPT_DIR"]) / hashlib.sha256(name.encode()).hexdigest()
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if file.exists():
            return pickle.loads(file.read_bytes())
        made = make()
        file.write_bytes(pickle.dumps(made))
    return made


def verdict(
    *, artifact: Path, progress: Callable[[str, float], None] = lambda stage, fraction: None, **asked: Any
) -> validation.ValidationResult:
    """As `validation.validate`, without its walls; the same bytes with the same questions are opened only once."""
    content = hashlib.sha256(artifact.read_bytes()).hexdigest()

    def prove() -> tuple[validation.ValidationResult, list[tuple[str, float]]]:
        told: list[tuple[str, float]] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(validation.sandbox, "run", opened_here.run)
            found = _validate(artifact=artifact, progress=lambda *step: told.append(step), **asked)
        return found, told

    found, told = once(f"verdict {content} {sorted(asked.items())!r}", prove)
    for step in told:
        progress(*step)
    return found


@pytest.fixture
def kept_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that need a model proved, and are not about the proof."""
    monkeypatch.setattr(validation, "validate", verdict)
