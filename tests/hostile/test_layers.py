"""Two walls that each stand alone: the list of names with no kernel behind it, the kernel with no list before it."""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inference.errors import ValidationFailed
from inference.validation import Limits, sandbox, validate
from inference.validation.sandbox import landlock
from tests.hostile.cases import CASES, Case
from tests.hostile.trap import Trap, armed

ROOT = Path(__file__).parents[2]
RUNNING = [case for case in CASES if case.runs]
IN_EVERY_RUN = "among a model's attributes"

# The list alone: a plain process without sandbox, door or limits.
OPEN_WITHOUT_A_SANDBOX = """
import io, json, pathlib, sys
from inference.errors import ValidationFailed
from inference.runtimes import unpickling
said = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        unpickling.open_checked(io.BytesIO(path.read_bytes()), max_array_bytes=1 << 28)
        said[path.name] = "opened"
    except ValidationFailed as refusal:
        said[path.name] = refusal.code
print(json.dumps(said))
"""


@pytest.fixture
def trap(tmp_path: Path) -> Any:
    with armed(tmp_path) as made:
        yield made


def test_with_the_kernels_layers_off_the_list_of_names_refuses_every_file(trap: Trap, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for number, case in enumerate(RUNNING):
        (folder / f"{number:03}").write_bytes(case.make(trap))
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", OPEN_WITHOUT_A_SANDBOX, str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert len(said) == len(RUNNING)
    for number, case in enumerate(RUNNING):
        assert said[f"{number:03}"] in case.codes | {"unreadable"}, str(case)
    assert trap.is_untouched()


def test_the_same_files_do_run_with_neither_wall(trap: Trap) -> None:
    """Without this the two tests around it could not fail."""
    import pickle

    case = next(case for case in RUNNING if case.id == "H-02")
    pickle.load(io.BytesIO(case.make(trap)))
    assert trap.canary.exists()


@pytest.mark.skipif(not all(sandbox.layers().values()), reason="this kernel lacks a layer of the sandbox")
@pytest.mark.parametrize(
    "case",
    [pytest.param(c, id=str(c), marks=() if c.name == IN_EVERY_RUN else pytest.mark.slow) for c in RUNNING],
)
def test_with_the_list_off_the_kernel_stops_what_the_file_does(case: Case, trap: Trap, tmp_path: Path) -> None:
    artifact = tmp_path / "model"
    artifact.write_bytes(case.make(trap))
    with contextlib.suppress(ValidationFailed):  # how it ends depends on the file; that nothing happened does not
        validate(artifact=artifact, format="sklearn", trusted=True, limits=Limits(wall_seconds=30.0))
    assert trap.is_untouched()


@pytest.mark.parametrize("format", ["sklearn", "skops", "xgboost", "lightgbm"])
def test_where_the_kernel_lacks_a_layer_nothing_but_graphs_is_opened(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landlock, "abi", lambda: 0)
    artifact = tmp_path / "model"
    artifact.write_bytes(b"x")
    with pytest.raises(ValidationFailed) as caught:
        validate(artifact=artifact, format=format, trusted=True)
    assert (caught.value.code, "ONNX" in caught.value.message) == ("sandbox_unavailable", True)
