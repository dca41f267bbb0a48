"""A server as a group of processes: started, checked, weighed, stopped by process id."""

import http.client
import json
import math
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers import workloads
from benchmarks.peers.workloads import Workload
from mlplatform.benchmark import memory

TOLERANCE = 1e-4
START_SECONDS = 120.0
STOP_SECONDS = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")


class ServerUnfit(Exception):
    """It doesn't start, or it answers wrongly: nothing of it is timed."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where and how a server is asked for one model."""

    port: int
    path: str
    encoding: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"


class Server:
    """One running server. `environment` is its whole one; `log` keeps what it prints."""

    def __init__(self, command: list[str], *, environment: dict[str, str], folder: Path, log: Path) -> None:
        # Without byte code each start would compile scikit-learn anew.
        settings = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self.began = time.perf_counter()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, env=settings, cwd=folder, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its first process, which leads a session of its own."""
        return self._process.pid

    def wait_for(self, is_good: Callable[[], bool]) -> float:
        """Seconds from the start until `is_good` first holds. Raises ServerUnfit."""
        problem = "no answer"
        while time.perf_counter() - self.began < START_SECONDS:
            if self._process.poll() is not None:
                break
            try:
                if is_good():
                    return time.perf_counter() - self.began
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
            time.sleep(0.02)
        raise ServerUnfit(f"{problem}: {self.log.read_text(errors='replace').strip()[-300:]}")

    def cpu_seconds(self) -> float:
        """Processor time of all its processes that live."""
        return sum(_ticks(pid) for pid in memory.family(self._process.pid)) / _TICKS

    def memory_mb(self) -> float:
        """Proportional set size of all its processes."""
        return memory.proportional_mb(memory.family(self._process.pid))

    def stop(self) -> None:
        """Ask it to end; what is left of its processes after that is killed, by id."""
        pids = memory.family(self._process.pid)
        if self._process.poll() is None:
            self._process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and (self._process.poll() is None or any(map(_lives, pids[1:]))):
            time.sleep(0.05)
        for pid in [*pids, *memory.family(self._process.pid)]:
            if _lives(pid):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


def ask(door: Door, body: bytes, timeout: float = 30.0) -> tuple[int, bytes]:
    """One question over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=timeout)
    try:
        connection.request("POST", door.path, body, {"Content-Type": "application/json", **door.headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def verify(door: Door, workload: Workload, data: Path) -> None:
    """Compare the first answers with the model's own. Raises ServerUnfit."""
    with workloads.bodies_file(data, workload, door.encoding).open("rb") as bodies:
        for wanted, body in zip(workloads.expected(data, workload), bodies, strict=False):
            status, content = ask(door, body.strip())
            if status != 200 or not _agrees(json.loads(content), wanted):
                raise ServerUnfit(f"wrong answer ({status}): {content[:200]!r}")


def _agrees(said: dict[str, Any], wanted: dict[str, Any]) -> bool:
    labels, scores = _tensors(said) if "outputs" in said else (said["predictions"], said["probabilities"])
    if len(labels) != len(wanted["labels"]):
        return False
    for label, score, right, exact in zip(labels, scores, wanted["labels"], wanted["probabilities"], strict=True):
        if not all(math.isclose(a, b, abs_tol=TOLERANCE) for a, b in zip(score, exact, strict=True)):
            return False
        first, second = sorted(exact)[:-3:-1]
        if label != right and first - second > TOLERANCE:
            return False
    return True


def _tensors(said: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Labels and rows of probabilities from an answer of the Open Inference Protocol."""
    outputs = {output["name"]: output for output in said["outputs"]}
    labels, flat = outputs["labels"]["data"], outputs["probabilities"]["data"]
    width = len(flat) // len(labels)
    return labels, [flat[at : at + width] for at in range(0, len(flat), width)]


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
