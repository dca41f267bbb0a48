"""The series: each workload, all servers up, one under load at a time, rounds interleaved."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers import environments, workloads, wrk
from benchmarks.peers.catalogue import Peer
from benchmarks.peers.ours import Installation, Program
from benchmarks.peers.server import Door, Server, ServerUnfit, ask, verify
from benchmarks.peers.workloads import FILES, Workload

OURS, OURS_PLAIN = "mlplatform", "mlplatform, lane off"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    data: Path
    seconds: float
    rounds: int
    connections: int
    workers: int
    settle_seconds: float
    first_port: int


@dataclass(slots=True)
class Cell:
    """One server under one workload."""

    server: str
    workload: str
    start_seconds: float | None = None
    memory_mb: float | None = None
    runs: list[wrk.Run] = field(default_factory=list)
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "server": self.server,
            "workload": self.workload,
            "start_seconds": self.start_seconds,
            "memory_mb": self.memory_mb,
            "problem": self.problem,
            "runs": [run.to_dict() for run in self.runs],
        }


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that runs and answered correctly, ready to be loaded."""

    cell: Cell
    server: Server
    door: Door


class Platform:
    """Our servers: one installation, a server with the lane and one without over the same data, and all models live."""

    def __init__(self, plan: Plan, program: Program, *, database_url: str = "", redis_url: str = "") -> None:
        self._plan = plan
        self.installation = Installation(
            plan.data / "platform", database_url=database_url, redis_url=redis_url, program=program
        )
        self.servers: dict[str, tuple[int, Server, float]] = {}

    def start(self, models: set[str]) -> None:
        """Prepare, start, upload and activate through the API."""
        self.installation.prepare()
        self._serve(OURS, self._plan.first_port, {})
        for name in sorted(models):
            self.installation.upload(self._plan.first_port, self._plan.data / FILES[name], name)
        self._serve(OURS_PLAIN, self._plan.first_port + 1, {"FAST_LANE": "0"})

    def contenders(self, workload: Workload) -> Iterator[Contender]:
        for name, (port, server, seconds) in self.servers.items():
            door = self.installation.door(port, workload.model)
            yield _checked(Cell(name, workload.name, seconds), server, door, workload, self._plan.data)

    def jobs_memory_mb(self) -> float:
        """What the job runner takes, which the servers' figures leave out."""
        return self.installation.jobs.memory_mb() if self.installation.jobs else 0.0

    def _serve(self, name: str, port: int, settings: dict[str, str]) -> None:
        server = self.installation.serve(port, workers=self._plan.workers, settings=settings)
        seconds = server.wait_for(lambda: self.installation.is_ready(port))
        self.servers[name] = (port, server, seconds)


def run(
    plan: Plan, chosen: list[Workload], peers: list[Peer], platform: Platform | None, say: Callable[[str], None]
) -> list[Cell]:
    """Measure every server under every workload. A server that is unfit is reported in its cell."""
    bins = {peer.name: _installed(peer, plan, say) for peer in peers}
    cells = []
    for workload in chosen:
        with ExitStack() as running:
            contenders = list(platform.contenders(workload)) if platform else []
            for number, peer in enumerate(peer for peer in peers if peer.serves(workload)):
                port = plan.first_port + 10 + 10 * number
                contenders.append(_start(peer, bins[peer.name], workload, plan, port, running))
            for contender in contenders:
                say(f"{workload.name} {contender.cell.server}: {contender.cell.problem or 'answers correctly'}")
            _rounds(plan, workload, [one for one in contenders if not one.cell.problem], say)
            cells += [contender.cell for contender in contenders]
    return cells


def _rounds(plan: Plan, workload: Workload, contenders: list[Contender], say: Callable[[str], None]) -> None:
    def load(one: Contender, seconds: float, begin: int) -> wrk.Run:
        bodies = workloads.bodies_file(plan.data, workload, one.door.encoding)
        return wrk.run(one.door, bodies, server=one.server, connections=plan.connections, seconds=seconds, begin=begin)

    for one in contenders:
        load(one, 1, 7)  # warms up what is warmed by use
    for number in range(plan.rounds):
        # Each round begins with another server, so that no one always follows the same neighbour.
        for one in contenders[number % len(contenders) :] + contenders[: number % len(contenders)]:
            wrk.settle(most_seconds=plan.settle_seconds)
            found = load(one, plan.seconds, 1009 * (number + 1))
            one.cell.runs.append(found)
            one.cell.memory_mb = one.server.memory_mb()
            say(
                f"{workload.name} round {number + 1} {one.cell.server:22} {found.per_second:9,.0f}/s"
                f"  p99 {found.p99_ms:8.2f} ms  {found.server_cpu_us:7.0f} µs  others {found.others_cores:.2f}"
                + (f"  FAILED {found.failed}" if found.failed else "")
            )


def _installed(peer: Peer, plan: Plan, say: Callable[[str], None]) -> Path | str:
    """Its bin/, or why there is none."""
    try:
        return environments.binaries(peer, plan.data / "environments")
    except environments.NotInstalled as error:
        say(f"{peer.name} could not be installed: {error}")
        return f"not installed: {error}"


def _start(peer: Peer, bin: Path | str, workload: Workload, plan: Plan, port: int, running: ExitStack) -> Contender:
    cell = Cell(peer.name, workload.name)
    if isinstance(bin, str):
        cell.problem = bin
        return Contender(cell, None, None)  # type: ignore[arg-type]
    start = peer.start(bin, workload, plan.data, port, plan.workers)
    door = Door(port, start.path, start.encoding, start.headers)
    log = plan.data / "log" / f"{peer.name}-{workload.name}.log"
    server = Server(start.command, environment={**os.environ, **start.environment}, folder=plan.data, log=log)
    running.callback(server.stop)
    with workloads.bodies_file(plan.data, workload, start.encoding).open("rb") as bodies:
        first = bodies.readline().strip()
    try:
        cell.start_seconds = server.wait_for(lambda: ask(door, first)[0] == 200)
    except ServerUnfit as error:
        cell.problem = str(error)
        return Contender(cell, server, door)
    return _checked(cell, server, door, workload, plan.data)


def _checked(cell: Cell, server: Server, door: Door, workload: Workload, data: Path) -> Contender:
    try:
        verify(door, workload, data)
    except (ServerUnfit, OSError, ValueError, KeyError) as error:
        cell.problem = f"{type(error).__name__}: {error}"
    return Contender(cell, server, door)


def started_at() -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime())
