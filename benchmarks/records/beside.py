"""What loading records does to predictions beside it: asked at a steady rate, in turns without and with it."""

import http.client
import os
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.records import machine
from benchmarks.records.loading import FILE_RECORDS, Feeder

ROUNDS = 5
ASKED_PER_SECOND = 200
_CLIENTS = 8
_BODY = b'{"instances": [[1.5, 2.5]]}'
Call = Callable[[], None]


def measure(folder: Path, *, rate: int, seconds: float, port: int) -> dict[str, Any]:
    """Single predictions by a server over the same database, ROUNDS times alone and beside a process that loads `rate`
    records a second, each time for `seconds`.
    """
    from benchmarks.peers.ours import Installation
    from tests import toys

    installation = Installation(folder / "server", database_url=os.environ["DATABASE_URL"])
    try:
        artifact = folder / "oracle.onnx"
        artifact.write_bytes(toys.oracle(1.0))
        installation.prepare()
        server = installation.serve(port, workers=2)
        server.wait_for(lambda: installation.is_ready(port))
        installation.upload(port, artifact, "bench-oracle")
        calls = [_caller(port, installation.key) for _ in range(_CLIENTS)]
        return _in_turns(calls, folder / "feed", rate=rate, seconds=seconds)
    finally:
        installation.stop()


def _caller(port: int, key: str) -> Call:
    """Asks for a prediction on a connection of its own."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"X-API-Key": key, "Content-Type": "application/json"}

    def call() -> None:
        link.request("POST", "/api/v1/predict/bench-oracle", _BODY, headers)
        answer = link.getresponse()
        if answer.read() and answer.status != 200:
            raise SystemExit(f"a prediction was answered {answer.status}")

    return call


def _in_turns(calls: Sequence[Call], folder: Path, *, rate: int, seconds: float) -> dict[str, Any]:
    files = max(1, round(rate * seconds / FILE_RECORDS))
    feeder = Feeder(folder, count=files * FILE_RECORDS * ROUNDS, rate=rate, parts=ROUNDS)
    feeder.wait_until_ready()
    latencies(calls, 1.0)  # warms up
    machine.be_on_time(1)  # what the client waits for a core is no latency of the server's
    alone: list[list[float]] = []
    during: list[list[float]] = []
    stalls_alone: list[list[float]] = []
    stalls_during: list[list[float]] = []
    loaded: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        _turn(calls, seconds, alone, stalls_alone)
        feeder.go()
        # It ends before the loading does, which can't be quicker than its rate.
        _turn(calls, 0.9 * seconds, during, stalls_during)
        loaded.append(feeder.result())
    feeder.end()
    turns = [(_percentile(quiet, 99), _percentile(busy, 99)) for quiet, busy in zip(alone, during, strict=True)]
    return {
        "alone": summary(alone), "during": summary(during),
        "machine_alone": summary(stalls_alone), "machine_during": summary(stalls_during), "p99_of_turns": turns,
        "ratio": statistics.median(busy / quiet for quiet, busy in turns),
        "asked_per_second": ASKED_PER_SECOND,
        "rows_per_second": sum(one["records"] for one in loaded) / sum(one["seconds"] for one in loaded),
    }  # fmt: skip


def _turn(calls: Sequence[Call], seconds: float, times: list[list[float]], stalls: list[list[float]]) -> None:
    watch = machine.Watch(seconds, ASKED_PER_SECOND)
    times.append(latencies(calls, seconds))
    stalls.append(watch.latenesses())


def latencies(calls: Sequence[Call], seconds: float) -> list[float]:
    """How long each request took in ms, from the moment at which it was due: an answer that is late makes the next ones
    late, too.
    """
    times: list[float] = []
    began = time.perf_counter() + 0.01

    def ask(call: Call, first: int) -> None:
        for number in range(first, round(seconds * ASKED_PER_SECOND), len(calls)):
            due = began + number / ASKED_PER_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))
            call()
            times.append((time.perf_counter() - due) * 1000)

    clients = [threading.Thread(target=ask, args=(call, first)) for first, call in enumerate(calls)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return times


def summary(rounds: Sequence[list[float]]) -> dict[str, float]:
    """Percentiles of all rounds together, in ms."""
    times = [taken for some in rounds for taken in some]
    return {
        "p50": _percentile(times, 50), "p99": _percentile(times, 99), "longest": max(times), "requests": len(times),
    }  # fmt: skip


def _percentile(times: list[float], share: int) -> float:
    return statistics.quantiles(times, n=100)[share - 1]
