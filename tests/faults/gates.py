"""What every fault must leave behind: nothing. And what was answered must be in the records, once."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.load import Exchange
from tests.live.stack import Stack


@dataclass(frozen=True)
class Residue:
    """What a running platform holds. `descriptors` and `threads`: the most of any of its processes."""

    processes: int
    descriptors: int
    threads: int
    staged: int
    drafts: int
    idle_in_transaction: int
    waiting_for_locks: int


_ROOM = {"descriptors": 24, "threads": 6}
"""Pools and connections that are made with the first need of them are no residue."""


def processes_of(directory: Path) -> list[int]:
    """Every living process whose VAR_DIR is that directory."""
    wanted, found = f"VAR_DIR={directory}".encode(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
                is_dead = "\nState:\tZ" in (entry / "status").read_text()
            except OSError:
                continue
            if wanted in environment and not is_dead:
                found.append(int(entry.name))
    return found


def snapshot(stack: Stack) -> Residue:
    """What the platform holds now."""
    pids = processes_of(stack.directory)
    sessions = stack.query(
        "SELECT COUNT(*) FILTER (WHERE state LIKE 'idle in transaction%' AND now() - state_change > interval '2 s'),"
        " COUNT(*) FILTER (WHERE wait_event_type = 'Lock' AND now() - query_start > interval '2 s')"
        " FROM pg_stat_activity"
    )
    return Residue(
        processes=len(pids),
        descriptors=max(map(_descriptors, pids), default=0),
        threads=max(map(_threads, pids), default=0),
        staged=len(list((stack.directory / "uploads").iterdir())),
        drafts=len(list((stack.directory / "models").rglob("*.draft-*"))),
        idle_in_transaction=int(sessions[0][0]),
        waiting_for_locks=int(sessions[0][1]),
    )


def left_behind(before: Residue, look: Callable[[], Residue], *, within: float) -> list[str]:
    """What there is more of than before, after at most `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        now = look()
        more = [
            f"{name}: {getattr(before, name)} before, {getattr(now, name)} after"
            for name in Residue.__dataclass_fields__
            if getattr(now, name) > getattr(before, name) + _ROOM.get(name, 0)
        ]
        if not more or time.monotonic() > deadline:
            return more
        time.sleep(0.5)


def conservation(
    stack: Stack, exchanges: list[Exchange], *, dropped: Callable[[], int], within: float
) -> tuple[int, int, int]:
    """(lost, doubled, dropped) of the records of what was answered, after at most `within` seconds of loading.

    A record of a request that got no answer is rightly there: it was written before the answer was cut off.
    """
    ids = [one.body["prediction_id"] for one in exchanges if one.status == 200 and one.is_prediction]
    doubled_ids = len(ids) - len(set(ids))
    deadline = time.monotonic() + within
    while True:
        rows = Counter(str(row[0]) for row in stack.query("SELECT id FROM monitoring_predictionlog"))
        missing = sum(1 for one in set(ids) if one not in rows)
        given_up = dropped()
        if missing <= given_up or time.monotonic() > deadline:
            doubled = sum(count - 1 for count in rows.values())
            return max(0, missing - given_up), doubled + doubled_ids, given_up
        time.sleep(0.5)


def clear_up(directory: Path) -> None:
    """End what a broken test left running."""
    for pid in processes_of(directory):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _descriptors(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0


def _threads(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    except OSError:
        return 0
