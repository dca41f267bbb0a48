"""Files that vanish or change, and a disk without room."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import toys
from tests.faults.load import Exchange, failure
from tests.faults.platform import Platform, wait_ready
from tests.faults.trial import Trial
from tests.live.stack import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.django_db(databases=[])]

REFUSALS = {"artifact-deleted": "artifact_missing", "artifact-corrupted": "digest_mismatch"}


def flip_one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(("fault", "harm"), [("artifact-deleted", Path.unlink), ("artifact-corrupted", flip_one_bit)])
def test_what_has_the_model_serves_on_and_what_starts_refuses(
    platform: Platform, fault: str, harm: Callable[[Path], Any]
) -> None:
    stack = platform.stack
    stored = next((stack.directory / "models").rglob("oracle/v1/model.onnx"))
    whole = stored.read_bytes()
    # Another trial may have left another version live, and only what is live is looked at within seconds.
    assert platform.activate("oracle", 1) in (200, 409)

    def damage() -> Any:
        return stack.call("GET", "/api/v1/models/oracle/versions/1")[2].get("damage")

    with Trial(platform, fault) as trial, contextlib.ExitStack() as whatever_happens:
        began = time.monotonic()
        harm(stored)
        whatever_happens.callback(stored.write_bytes, whole)
        wait_until(damage, 60, lambda: stack.log("jobs"))
        trial.note(f"alarm {time.monotonic() - began:.1f} s after it")
        trial.require("another alarm", damage()["code"] == REFUSALS[fault])
        untouched = [failure(one, trial.load.target) for one in trial.during()]
        trial.require("requests failed before a process ended", not any(untouched))
        before = set(stack.children("server"))
        trial.allow_in_flight()
        os.kill(min(before), signal.SIGKILL)
        killed_at = time.monotonic()
        wait_until(lambda: set(stack.children("server")) - before, 20)

        def answered() -> list[tuple[Exchange, str]]:
            asked = trial.load.between(killed_at, time.monotonic())
            return [(one, failure(one, trial.load.target)) for one in asked if one.status]

        # It is long in starting on a busy machine; until then the other one answers everything.
        wait_until(
            lambda: any(one.status != 200 for one, _ in answered()), 60, lambda: "the new process did not refuse"
        )
        time.sleep(4.0)
        after = answered()
        refused = [one for one, why in after if why and one.status != 200]
        told = {one.body["error"]["code"] for one in refused}
        trial.require(f"it refused with {told}", told == {REFUSALS[fault]})
        trial.require("another model failed", not any(one.model != "oracle" for one in refused))
        trial.require("nobody served on", any(not why and one.model == "oracle" for one, why in after))
        stored.write_bytes(whole)
        trial.end()
        wait_until(lambda: damage() is None, 60, lambda: stack.log("jobs"))
        trial.require("not ready again", wait_ready(platform, 20) is not None)


def fill(filler: Path) -> None:
    """Take all room there is, and keep what little was left."""
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        os.posix_fallocate(file.fileno(), 0, int(shutil.disk_usage(filler.parent).free * 0.9))
        file.seek(0, os.SEEK_END)
        while True:
            file.write(bytes(4096))


@pytest.mark.fault("disk-full")
def test_a_full_disk_refuses_uploads_and_counts_the_records_it_drops(platform: Platform) -> None:
    stack = platform.stack
    if os.stat(stack.directory).st_dev == os.stat(stack.directory.parent).st_dev:
        pytest.skip("it takes the right to mount a file system")
    filler = stack.directory / "filler"
    large = toys.oracle(1.0, padding=200_000)
    with Trial(platform, "disk-full") as trial:
        try:
            fill(filler)
            before = stack.children("server")
            uploads = [stack.upload("large", large, task="regression") for _ in range(5)]
            trial.require(f"uploads were answered {uploads}", {status for status, _ in uploads} == {507})
            time.sleep(8.0)
            staged = list((stack.directory / "uploads").iterdir())
            trial.require(f"{[path.name for path in staged]} are left", not staged)
            trial.require("a serving process ended", stack.children("server") == before)
        finally:
            filler.unlink()
        trial.end()
        status = stack.upload("large", large, task="regression")[0]
        trial.require(f"an upload afterwards: {status}", status == 201)
        trial.note(f"{platform.dropped()} records dropped, all counted")
