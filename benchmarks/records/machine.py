"""Whose turn it is on this machine: its own stalls, and the share of the processors that a server gets.

    python -m benchmarks.records.machine SECONDS EACH_SECOND

tells how late a process wakes up that waits for nothing and goes before everybody. What it is late by no server can be
blamed for: others had the processors, below this system if it is a guest.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

LARGER = 7.4
"""How many times as much of a contended processor as others; `deploy` gives the servers eight, a little more."""
_NICENESS = {False: 0, True: -9}  # a step is about a quarter more
_GROUPS = Path("/proc/sys/kernel/sched_autogroup_enabled")


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


class Share:
    """The share of the processors that the session of the process `pid` gets where others want them, too."""

    def __init__(self, pid: int) -> None:
        self._of_session = Path(f"/proc/{pid}/autogroup")
        self.can_be_larger = self._is_divided_by_sessions() and self.enlarge(False)

    def enlarge(self, is_larger: bool) -> bool:
        """LARGER times that of others, or as theirs. Returns whether this system let us say so."""
        try:
            self._of_session.write_text(str(_NICENESS[is_larger]))
        except OSError:
            return False
        return True

    @staticmethod
    def _is_divided_by_sessions() -> bool:
        """As Linux does where no group of processes, such as a container, has a share; root may weigh them."""
        try:
            return os.geteuid() == 0 and _GROUPS.read_text().strip() == "1"
        except OSError:
            return False


def be_on_time(place: int) -> None:
    """Where it is allowed, this process goes before all others but those of a higher `place`."""
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(place))


if __name__ == "__main__":
    be_on_time(2)
    print(json.dumps(watch(float(sys.argv[1]), int(sys.argv[2]))))
