"""The machine's own stalls: how late a process wakes up that waits for nothing and goes before everybody.

    python -m benchmarks.records.machine SECONDS EACH_SECOND

What it is late by no server can be blamed for: others had the processors, below this system if it is a guest.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress


class Watch:
    """Watches beside the caller for `seconds`, `each_second` times a second."""

    def __init__(self, seconds: float, each_second: int) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.records.machine", str(seconds), str(each_second)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def latenesses(self) -> list[float]:
        """How late it woke up each time, in ms. Waits for the end."""
        return list(json.loads(self._child.communicate()[0]))


def watch(seconds: float, each_second: int) -> list[float]:
    """In this process: how late it wakes up each time, in ms."""
    late: list[float] = []
    began = time.perf_counter()
    for number in range(round(seconds * each_second)):
        due = began + number / each_second
        time.sleep(max(0.0, due - time.perf_counter()))
        late.append((time.perf_counter() - due) * 1000)
    return late


def be_on_time(place: int) -> None:
    """Where it is allowed, this process goes before all others but those of a higher `place`."""
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(place))


if __name__ == "__main__":
    be_on_time(2)
    print(json.dumps(watch(float(sys.argv[1]), int(sys.argv[2]))))
