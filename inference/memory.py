"""What memory this process takes, and how much a piece of work added to it."""

import ctypes
import ctypes.util
import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

Result = TypeVar("Result")

# One at a time: two loads at once would each be charged for the other's memory.
_measuring = threading.RLock()


def resident_bytes() -> int:
    """What is resident now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_bytes() -> int:
    """The most that was ever resident."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("VmHWM:"))
    # The kernel writes the mark now and then, so it may lie a little below what is resident.
    return max(int(line.split()[1]) * 1024, resident_bytes())


def facts(*, limit_bytes: int) -> dict[str, Any]:
    """Current and peak memory against a limit."""
    current = resident_bytes()
    return {
        "current_bytes": current,
        "peak_bytes": peak_bytes(),
        "limit_bytes": limit_bytes,
        "within_limits": current <= limit_bytes,
    }


def give_back() -> None:
    """Return freed memory to the system; without it an evicted model stays in the allocator's hands."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


def measured(work: Callable[[], Result]) -> tuple[Result, int]:
    """Do `work`; returns its result and by how many bytes the process grew, never below 0.

    Other threads go on meanwhile, so what they allocate is in it too: an estimate that errs upwards.
    """
    with _measuring:
        give_back()
        before = resident_bytes()
        result = work()
        give_back()
        return result, max(0, resident_bytes() - before)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """glibc's; other C libraries have none."""
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(ctypes.util.find_library("c")), "malloc_trim", None)
    return trim
