"""The spool across real processes that are killed, forked, ended and cut short."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.db import connection
from django.db.models import Sum

from monitoring import spool
from monitoring.models import PredictionLog, Resolution, Rollup, SpoolFile
from monitoring.spool import files

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[2]
Start = Callable[..., "subprocess.Popen[bytes]"]


def database_url() -> str:
    """The test database, as a child reads it from its environment."""
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{facts['NAME']}"
    login = f"{facts['USER']}:{facts['PASSWORD']}" if facts["PASSWORD"] else facts["USER"]
    return f"postgres://{login}@{facts['HOST']}:{facts['PORT'] or 5432}/{facts['NAME']}"


@pytest.fixture
def start(record: Any, var_dir: Path) -> Iterator[Start]:
    """Starts children that share the test's spool and database; none outlives the test."""
    children: list[subprocess.Popen[bytes]] = []

    def begin(mode: str, **settings: object) -> "subprocess.Popen[bytes]":
        environment = {
            **os.environ,
            "VAR_DIR": str(var_dir),
            "DATABASE_URL": database_url(),
            "PYTHONPATH": str(ROOT),
            "SPOOL_SHIP_SECONDS": "0.02",
            **{name: str(value) for name, value in settings.items()},
        }
        command = [sys.executable, str(Path(__file__).with_name("spool_child.py")), mode]
        child = subprocess.Popen(
            [*command, orjson.dumps(record()).decode()],
            env=environment,
            cwd=var_dir,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        children.append(child)
        return child

    yield begin
    for child in children:
        child.kill()
        child.communicate()


def acknowledged(child: "subprocess.Popen[bytes]") -> set[str]:
    """The ids a child has printed, once it is dead. A last line without its end was not yet given out."""
    assert child.stdout
    return {line.decode() for line in child.stdout.read().split(b"\n")[:-1] if len(line) == 36}


def drain() -> None:
    """Take over until nothing is left (a killed process's lock is released a moment after its death)."""
    deadline = time.monotonic() + 120
    while files.listed(files.directory()) or files.listed(files.directory(), files.DONE):
        spool.take_over()
        assert time.monotonic() < deadline


def check(promised: set[str], most: int) -> None:
    """Every promised id has exactly one row; rows and rollups agree."""
    rows = [str(id) for id in PredictionLog.objects.values_list("id", flat=True)]
    assert len(rows) == len(set(rows))
    assert promised <= set(rows), f"{len(promised - set(rows))} of {len(promised)} acknowledged records are lost"
    assert len(rows) <= most
    for resolution in Resolution.values:
        assert Rollup.objects.filter(resolution=resolution).aggregate(n=Sum("requests"))["n"] == len(rows)
    assert not SpoolFile.objects.exists()
    assert not (files.directory() / files.REJECTED).exists()


def test_kill_9_at_random_moments_loses_nothing_and_doubles_nothing(start: Start) -> None:
    promised: set[str] = set()
    killed = 0
    for _ in range(2):
        children = [start("serve", SPOOL_ROTATE_BYTES=30_000) for _ in range(3)]
        for child in children:
            assert child.stdout
            promised.add(child.stdout.readline().decode().strip())
        for child in children:
            assert child.stdout
            promised |= {child.stdout.readline().decode().strip() for _ in range(random.randint(30, 200))}
            child.send_signal(signal.SIGKILL)
            killed += 1
        for child in children:
            child.wait()
            promised |= acknowledged(child)
    drain()
    assert len(promised) > 100
    # Of each child one more record may have been written but not acknowledged.
    check(promised, most=len(promised) + killed)


def test_records_are_loaded_and_files_removed_when_a_process_is_asked_to_end(start: Start) -> None:
    child = start("serve")
    assert child.stdout
    first = child.stdout.readline().decode().strip()
    promised = {first, *(child.stdout.readline().decode().strip() for _ in range(50))}
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=120) == 0
    promised |= acknowledged(child)
    check(promised, most=len(promised) + 1)
    # Who lived long enough looked whether another process loads.
    assert set(os.listdir(files.directory())) <= {files.LOADER}


def test_several_processes_that_take_over_at_once_share_the_work(start: Start) -> None:
    first, second = start("leave_behind"), start("leave_behind")
    promised = set()
    for child in (first, second):
        output, _ = child.communicate(timeout=120)
        promised |= set(output.decode().split())
    heirs = [start("take_over") for _ in range(3)]
    for heir in heirs:
        assert heir.stdout
        assert heir.stdin
        heir.stdout.readline()
    for heir in heirs:
        heir.stdin.write(b"go\n")
        heir.stdin.flush()
    loaded = [int(heir.communicate(timeout=120)[0]) for heir in heirs]
    assert sum(loaded) == len(promised) == 400
    check(promised, most=400)
    assert os.listdir(files.directory()) == []


def test_a_forked_child_writes_to_a_file_of_its_own(start: Start) -> None:
    child = start("fork")
    output, _ = child.communicate(timeout=120)
    *ids, count = output.decode().split()
    assert int(count) == 2
    assert len(set(ids)) == 3
    drain()
    check(set(ids), most=3)


def test_a_write_that_is_cut_short_is_taken_back(start: Start) -> None:
    child = start("outgrow", SPOOL_WHEN_FULL="refuse")
    output, _ = child.communicate(timeout=120)
    *ids, code, lines, is_whole = output.decode().split()
    assert code == "spool_full"
    assert (int(lines), is_whole) == (3, "True")
    drain()
    check(set(ids), most=3)
