"""Every file of the catalogue, uploaded and validated in this process: the right code, and nothing else happened."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from inference import jobs
from inference.validation import sandbox
from registry import services
from registry.errors import ArtifactInvalid
from registry.models import ModelVersion, RegisteredModel, Status
from tests.hostile.cases import CASES, Case
from tests.hostile.trap import Trap, armed
from tests.inference.validation.test_sandbox import children
from tests.live.stack import wait_until

# The door and the sandbox judge; the database only says what they said.
pytestmark = pytest.mark.once

needs_the_sandbox = pytest.mark.skipif(
    not all(sandbox.layers().values()), reason="this kernel lacks a layer of the sandbox"
)
IN_EVERY_RUN = frozenset({"H-20", "H-41", "H-43"})


@pytest.fixture
def trap(tmp_path: Path) -> Any:
    with armed(tmp_path) as made:
        yield made


def at_the_door(case: Case, trap: Trap, ada: Any) -> str | None:
    """The code with which the upload is refused; None when the sandbox has to judge."""
    try:
        services.upload_version(by=ada, name="hostile", file=io.BytesIO(case.make(trap)), task=case.task)
    except ArtifactInvalid as refusal:
        assert not RegisteredModel.objects.exists()
        return refusal.code
    return None


def in_the_sandbox() -> str:
    """The code with which the job ends the version that waits."""
    assert jobs.validate_next()
    version = ModelVersion.objects.get()
    assert (version.status, version.runtime, version.compiled) == (Status.FAILED, "", "")
    return str(version.failure["code"])


def assert_inert(trap: Trap, pid: int) -> None:
    assert trap.is_untouched()
    assert (os.getpid(), children()) == (pid, set())
    assert list(Path(settings.STAGING_DIR).iterdir()) == []


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_door_refuses_for_the_right_reason_or_leaves_it_to_the_sandbox(case: Case, trap: Trap, ada: Any) -> None:
    before = os.getpid()
    code = at_the_door(case, trap, ada)
    assert code is None or code in case.codes
    assert_inert(trap, before)


@needs_the_sandbox
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=str(case), marks=() if case.id in IN_EVERY_RUN else pytest.mark.slow) for case in CASES],
)
def test_what_the_door_lets_in_ends_as_a_failed_version(case: Case, trap: Trap, ada: Any, settings: Any) -> None:
    settings.VALIDATION_SECONDS = 20
    before = os.getpid()
    if at_the_door(case, trap, ada) is not None:
        pytest.skip("refused at the door")
    assert in_the_sandbox() in case.codes
    assert_inert(trap, before)


def test_the_trap_can_be_sprung(tmp_path: Path) -> None:
    """Without this no test of this room could fail."""
    with armed(tmp_path) as trap:
        exec(trap.script(), {})
        wait_until(lambda: trap.calls, 60)
        assert (trap.canary.exists(), len(trap.calls)) == (True, 1)
