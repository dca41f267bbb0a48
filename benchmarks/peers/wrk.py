"""The load generator wrk: one thread, keep-alive, the next request when the one before is answered."""

import json
import os
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.server import Door, Server

SCRIPT = Path(__file__).with_name("post_bodies.lua")
_TICKS = os.sysconf("SC_CLK_TCK")


class WrkMissing(Exception):
    """There is no wrk on this machine."""


@dataclass(frozen=True, slots=True)
class Run:
    """One load. `others_cores` is what everybody but the server and wrk used meanwhile."""

    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    failed: int
    server_cpu_us: float
    server_cores: float
    others_cores: float
    connections: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def require() -> None:
    """Raises WrkMissing."""
    if shutil.which("wrk") is None:
        raise WrkMissing("wrk is needed as the load generator: install it (apt-get install wrk).")


def run(door: Door, bodies: Path, *, server: Server, connections: int, seconds: float, begin: int = 0) -> Run:
    """Load one server; failures are counted, never hidden: `per_second` counts good answers only."""
    line = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s", "-s", str(SCRIPT)]
    for name, value in {"Content-Type": "application/json", **door.headers}.items():
        line += ["-H", f"{name}: {value}"]
    busy, used, mine = busy_seconds(), server.cpu_seconds(), _children_seconds()
    started = time.perf_counter()
    done = subprocess.run([*line, door.url, "--", str(bodies), str(begin)], capture_output=True, text=True, check=False)
    passed = time.perf_counter() - started
    used, mine, busy = server.cpu_seconds() - used, _children_seconds() - mine, busy_seconds() - busy
    told = [text for text in done.stdout.splitlines() if text.startswith("findings ")]
    if not told:
        raise RuntimeError(f"wrk said: {done.stdout[-300:]} {done.stderr[-300:]}")
    found = json.loads(told[0].removeprefix("findings "))
    failed = int(found["refused"] + found["broken"])
    good = max(0, int(found["requests"] - found["refused"]))
    return Run(
        per_second=good / found["seconds"],
        p50_ms=found["p50_ms"],
        p95_ms=found["p95_ms"],
        p99_ms=found["p99_ms"],
        max_ms=found["max_ms"],
        failed=failed,
        server_cpu_us=1e6 * used / max(1, good),
        server_cores=used / passed,
        others_cores=max(0.0, busy - used - mine) / passed,
        connections=connections,
        seconds=found["seconds"],
    )


def settle(*, most_seconds: float, cores: float = 0.2) -> None:
    """Wait until the machine is quiet: what a server still does after its turn must not cost the next one."""
    deadline = time.monotonic() + most_seconds
    while time.monotonic() < deadline:
        before = busy_seconds()
        time.sleep(0.4)
        if (busy_seconds() - before) / 0.4 < cores:
            return


def busy_seconds() -> float:
    """Processor seconds that the whole machine has spent working."""
    fields = [int(text) for text in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    user, nice, system, _idle, _waiting, interrupts, soft, stolen = fields[:8]
    return (user + nice + system + interrupts + soft + stolen) / _TICKS


def _children_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system
