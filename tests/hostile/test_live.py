"""The catalogue against the running platform: while hostile files arrive, what is live answers on and nobody dies."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference.validation import sandbox
from tests.hostile.cases import CASES
from tests.hostile.trap import armed
from tests.live.conftest import oracle, prepared, stack  # noqa: F401 - fixtures
from tests.live.stack import Stack

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not all(sandbox.layers().values()), reason="this kernel lacks a layer of the sandbox"),
]
# Door refusals alone are tried a hundred times in test_catalogue; here every kind of file once is enough.
SENT = [case for case in CASES if case.id != "H-28" or case.name.endswith(("os.system", "numpy.load", "joblib.load"))]
READY_SECONDS = 1.0


def questions(running: Stack, done: threading.Event, wrong: list[Any], asked: list[int]) -> None:
    """The golden question, again and again, until it is over."""
    client = running.client()
    while not done.is_set():
        try:
            status, _, body = client.call("POST", "/api/v1/predict/oracle", {"instances": [[7.0, 0.0]]})
            asked.append(status)
            if (status, body["predictions"]) != (200, [1007.0]):
                wrong.append((status, body))
        except Exception as error:
            wrong.append(repr(error))
        done.wait(0.05)
    client.close()


def test_hostile_uploads_end_with_their_code_and_disturb_nobody(
    stack: Callable[..., Stack],  # noqa: F811
    oracle: Callable[[Stack, int], Any],  # noqa: F811
    tmp_path: Path,
) -> None:
    running = stack(workers=2, settings={"VALIDATION_SECONDS": "20"})
    oracle(running, 1)
    assert running.call("POST", "/api/v1/models/oracle/versions/1/activate", {})[0] == 200
    pids = (running.pid("jobs"), running.pid("server"), running.children("server"))
    done, wrong, asked = threading.Event(), [], []
    asking = threading.Thread(target=questions, args=(running, done, wrong, asked))
    asking.start()
    surprises: list[str] = []
    try:
        with armed(tmp_path) as trap:
            for case in SENT:
                facts = {"task": case.task} if case.task else {}
                status, body = running.upload("hostile", case.make(trap), **facts)
                code = verdict(running, status, body)
                if code not in case.codes:
                    surprises.append(f"{case}: {status} {code}")
                if running.call("GET", "/ready", timeout=READY_SECONDS)[0] != 200:
                    surprises.append(f"{case}: not ready afterwards")
                if not trap.is_untouched():
                    surprises.append(f"{case}: the trap was sprung")
    finally:
        done.set()
        asking.join(timeout=60)
    assert surprises == []
    assert wrong == []
    assert len(asked) > 100
    assert (running.pid("jobs"), running.pid("server"), running.children("server")) == pids
    assert list((running.directory / "uploads").iterdir()) == []
    assert "Traceback" not in running.log("jobs")


def verdict(running: Stack, status: int, body: Any) -> str:
    """The code of the refusal, at the door or in the version that failed."""
    if "error" in body:
        assert status < 500, body
        return str(body["error"]["code"])
    number = body["version"]["number"]
    _, _, page = running.call("GET", f"/api/v1/models/hostile/versions/{number}")
    assert page["status"] == "failed", json.dumps(page)[:500]
    return str(page["failure"]["code"])
