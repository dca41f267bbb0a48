"""Memory of processes on this host, from /proc. Shared pages are counted once: proportional set size."""

from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")


def proportional_mb(pids: Iterable[int]) -> float:
    """The processes' proportional set size together; one that has ended counts nothing."""
    return sum(_kilobytes(pid, "smaps_rollup", "Pss:") for pid in pids) / 1024


def resident_mb(pid: int | str = "self") -> float:
    """A process's resident set size."""
    return _kilobytes(pid, "status", "VmRSS:") / 1024


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found, to_see = [], [pid]
    while to_see:
        found.append(to_see.pop())
        to_see += _children(found[-1])
    return found


def _children(pid: int) -> list[int]:
    try:
        lists = [file.read_text() for file in (_PROC / str(pid) / "task").glob("*/children")]
    except OSError:
        return []
    return [int(child) for text in lists for child in text.split()]


def _kilobytes(pid: int | str, file: str, field: str) -> int:
    try:
        lines = (_PROC / str(pid) / file).read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(field)), 0)
