"""Each measurement of the growth page: what is varied, what is asked, what was found."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.growth.disturbance import EverySecond, Reader, batch
from benchmarks.peers import wrk
from benchmarks.peers.ours import ROOT, Installation
from benchmarks.peers.server import Door, Server, ask

Say = Callable[[str], None]
Figures = dict[str, Any]


@dataclass(slots=True)
class Site:
    """The platform under measurement: one server that may be started anew with other settings."""

    installation: Installation
    port: int
    data: Path
    seconds: float
    rounds: int
    settle_seconds: float
    say: Say
    server: Server | None = None
    start_seconds: float = 0.0

    def restart(self, *, workers: int = 2) -> None:
        """Start the server, ending the one before; notes how long it took to be ready."""
        if self.server is not None:
            self.installation.drop(self.server)
        self.server = self.installation.serve(self.port, workers=workers)
        self.start_seconds = self.server.wait_for(lambda: self.installation.is_ready(self.port))

    def load(self, reference: str, bodies: Path, *, connections: int = 16) -> Figures:
        """The median of the rounds."""
        assert self.server is not None
        door = self.installation.door(self.port, reference)
        wrk.run(door, bodies, server=self.server, connections=connections, seconds=1, begin=3)
        runs = []
        for number in range(self.rounds):
            wrk.settle(most_seconds=self.settle_seconds)
            runs.append(
                wrk.run(
                    door,
                    bodies,
                    server=self.server,
                    connections=connections,
                    seconds=self.seconds,
                    begin=997 * (number + 1),
                )
            )
        figures = ("per_second", "p50_ms", "p99_ms", "server_cpu_us", "others_cores")
        found: Figures = {name: median(getattr(run, name) for run in runs) for name in figures}
        found["failed"] = sum(run.failed for run in runs)
        return found


def over_connections(site: Site, bodies: Path, counts: Sequence[int]) -> list[Figures]:
    """One row per request, more and more connections."""
    found = []
    for count in counts:
        figures = {"connections": count, **site.load("forest", bodies, connections=count)}
        site.say(f"{count:4} connections {figures['per_second']:9,.0f}/s  p99 {figures['p99_ms']:.2f} ms")
        found.append(figures)
    return found


def over_rows(site: Site, draw: Callable[[int], list[Any]], counts: Sequence[int]) -> list[Figures]:
    """More and more rows in one request; beside it what one thread can do without HTTP."""
    found = []
    for count in counts:
        bodies = _write(site.data / f"rows-{count}.jsonl", (draw(count) for _ in range(max(20, 2000 // count))))
        figures = {"rows": count, **site.load("forest", bodies), "in_process": in_process(site, count)["forest"]}
        site.say(f"{count:4} rows {figures['per_second']:9,.0f}/s  {figures['per_second'] * count:11,.0f} rows/s")
        found.append(figures)
    return found


def over_workers(site: Site, bodies: Path, counts: Sequence[int]) -> list[Figures]:
    """More serving processes."""
    found = []
    for count in counts:
        site.restart(workers=count)
        assert site.server is not None
        figures = {"workers": count, **site.load("forest", bodies), "memory_mb": site.server.memory_mb()}
        site.say(f"{count} workers {figures['per_second']:9,.0f}/s  {figures['memory_mb']:.0f} MB")
        found.append(figures)
    return found


def over_models(site: Site, bodies: Path, artifacts: Sequence[Path], counts: Sequence[int]) -> list[Figures]:
    """More live models, asked in turn; the server is started anew, so that what it takes to start is seen, too."""
    found, references, rendered = [], ["forest"], bodies.read_text().splitlines()
    for count in counts:
        new = artifacts[len(references) - 1 : count - 1]
        _publish(site, new)
        references += [artifact.stem for artifact in new]
        site.restart()
        assert site.server is not None
        paths = [f"/api/v1/predict/{name}" for name in references]
        lines = [f"{paths[at % len(paths)]} {body}" for at, body in enumerate(rendered)]
        mixed = site.data / f"models-{count}.jsonl"
        mixed.write_text("\n".join(lines) + "\n")
        figures = {
            "models": count, **site.load("forest", mixed), "memory_mb": site.server.memory_mb(),
            "start_seconds": site.start_seconds,
        }  # fmt: skip
        site.say(
            f"{count:4} models {figures['per_second']:9,.0f}/s  {figures['memory_mb']:.0f} MB"
            f"  start {figures['start_seconds']:.2f} s"
        )
        found.append(figures)
    return found


def _publish(site: Site, artifacts: Sequence[Path]) -> None:
    """Upload side by side, with a second job runner for as long as that takes; then make each live."""
    helper = site.installation.run_jobs("more-jobs")
    try:
        with ThreadPoolExecutor(2) as pool:
            upload = partial(site.installation.upload, site.port, activate=False)
            numbers = list(pool.map(lambda artifact: upload(artifact, artifact.stem), artifacts))
    finally:
        site.installation.drop(helper)
    for artifact, number in zip(artifacts, numbers, strict=True):
        site.installation.activate(site.port, artifact.stem, number)


def in_process(site: Site, rows: int) -> dict[str, dict[str, float]]:
    """Calls per second of one thread, of the model alone and with JSON in and out."""
    line = [sys.executable, "-m", "benchmarks.growth.in_process", str(rows), "forest"]
    done = subprocess.run(line, cwd=ROOT, env=site.installation.settings(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-1500:])
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def interference(site: Site, bodies: Path, rows: list[Any], person: tuple[str, str], rounds: int) -> Figures:
    """The p99 of single predictions alone, beside a person who turns pages, beside large batches, beside both."""
    reader = Reader(site.port, *person)
    send = batch(site.port, site.installation.key, "forest-wide", rows)
    acts: dict[str, list[Callable[[], list[float]]]] = {
        "alone": [], "pages": [reader.read_for_a_while], "batches": [send], "both": [reader.read_for_a_while, send],
    }  # fmt: skip
    found: dict[str, list[Figures]] = {name: [] for name in acts}
    for _ in range(rounds):
        for name, beside in acts.items():
            with EverySecond(*beside) as disturbance:
                figures = _once(site, bodies)
            figures["took_ms"] = disturbance.medians_ms()
            found[name].append(figures)
            site.say(f"{name:8} {figures['per_second']:9,.0f}/s  p99 {figures['p99_ms']:.2f} ms {figures['took_ms']}")
    return {
        name: {
            "per_second": median(run["per_second"] for run in runs),
            "p50_ms": median(run["p50_ms"] for run in runs),
            "p99_ms": median(run["p99_ms"] for run in runs),
            "p99_least_ms": min(run["p99_ms"] for run in runs),
            "p99_most_ms": max(run["p99_ms"] for run in runs),
            "rounds": len(runs),
            "failed": sum(run["failed"] for run in runs),
            "took_ms": [median(times) for times in zip(*(run["took_ms"] for run in runs), strict=True)],
        }
        for name, runs in found.items()
    }


def _once(site: Site, bodies: Path) -> Figures:
    assert site.server is not None
    door = site.installation.door(site.port, "forest")
    seconds = max(3.0, site.seconds)
    return wrk.run(door, bodies, server=site.server, connections=16, seconds=seconds).to_dict()


def first_answers(site: Site, body: bytes, cold: Sequence[str]) -> Figures:
    """From the start of the server to its first prediction; and the first answers of versions nobody has loaded."""
    starts = []
    for _ in range(3):
        if site.server is not None:
            site.installation.drop(site.server)
        site.server = site.installation.serve(site.port, workers=2)
        door = site.installation.door(site.port, "forest")
        starts.append(site.server.wait_for(lambda door=door: _answers(door, body)))  # type: ignore[misc]
    firsts, seconds = [], []
    for reference in cold:
        door = site.installation.door(site.port, reference)
        firsts.append(_milliseconds(door, body))
        seconds.append(_milliseconds(door, body))
    assert site.server is not None
    assert site.installation.jobs is not None
    return {
        "start_to_first_answer_seconds": median(starts),
        "cold_version_first_answer_ms": median(firsts),
        "cold_version_second_answer_ms": median(seconds),
        "cold_versions": len(cold),
        "serving_memory_mb": site.server.memory_mb(),
        "job_runner_memory_mb": site.installation.jobs.memory_mb(),
    }


def _answers(door: Door, body: bytes) -> bool:
    return ask(door, body)[0] == http.client.OK


def _milliseconds(door: Door, body: bytes) -> float:
    started = time.perf_counter()
    assert _answers(door, body)
    return (time.perf_counter() - started) * 1000


def _write(file: Path, requests: Any) -> Path:
    file.write_text("".join(json.dumps({"instances": rows}, separators=(",", ":")) + "\n" for rows in requests))
    return file
