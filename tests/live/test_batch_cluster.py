"""A file on a cluster of real processes, one of which is killed in the middle."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from inference.bulk import planning, running
from inference.bulk.cluster import Cluster
from inference.bulk.folder import Folder
from inference.signature import Signature
from tests import toys
from tests.live.stack import ROOT, free_port

pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    # Connections that a killed worker leaves behind are closed by the collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]
ROWS = 20_000


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """(the scheduler's address, its two workers)"""
    address = f"tcp://127.0.0.1:{(port := free_port())}"
    with ExitStack() as ending:

        def start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments, "--no-dashboard"]
            process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
            ending.callback(process.wait)
            ending.callback(process.kill)
            return process

        start("dask_scheduler", "--host", "127.0.0.1", "--port", str(port))
        alone = ["--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path)]
        yield address, [start("dask_worker", address, *alone) for _ in range(2)]


def test_a_worker_that_is_killed_loses_and_repeats_nothing(
    cluster: Any, tmp_path: Path, monkeypatch: Callable[..., None]
) -> None:
    monkeypatch.setattr(planning, "PART_ROWS", 500)  # type: ignore[attr-defined]
    address, workers = cluster
    signature = Signature.from_dict(toys.ORACLE_SIGNATURE)
    path, target = tmp_path / "rows.csv", tmp_path / "results.csv"
    path.write_text("x,y\n" + "".join(f"{at},0\n" for at in range(ROWS)))
    folder = Folder(tmp_path / "parts", kind="csv", signature=signature)
    plan = folder.plan({}, lambda: planning.plan(path, "csv", signature))
    crew = Cluster(
        address,
        name="test",
        model=toys.slow_oracle(1.0, 20_000),
        runtime="onnx",
        signature=toys.ORACLE_SIGNATURE,
        plan=plan,
        results="csv",
    )
    crew._client.wait_for_workers(2, timeout=60)
    seen = []
    for part in running.run(path, plan, plan.parts, crew, folder):
        seen.append(part.number)
        if len(seen) == 5:
            workers[0].kill()
    assert sorted(seen) == [part.number for part in plan.parts]
    folder.assemble(target)
    rows = target.read_text().splitlines()[1:]
    assert rows == [f"{at + 1},{at + 1.0},,," for at in range(ROWS)]
