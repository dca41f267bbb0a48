"""What loading records does to predictions beside it: asked at a steady rate, in turns without and with it."""

import gc
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
ASKED_PER_SECOND = 1000
_WARM_SECONDS = 0.3
_CLIENTS = 8
_BODY = b'{"instances": [[1.5, 2.5]]}'
Call = Callable[[], None]


def measure(folder: Path, *, rate: int, seconds: float, port: int) -> dict[str, Any]:
    """Single predictions by a server over the same database, ROUNDS times alone and beside a process that loads `rate`
    records a second, each time for `seconds`; the latter once more with the weight that `deploy` gives a server, where
    that can be given here.
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
        share = machine.Share(server.pid)
        return _in_turns(calls, share, folder / "feed", rate=rate, seconds=seconds)
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


def _in_turns(
    calls: Sequence[Call], share: machine.Share, folder: Path, *, rate: int, seconds: float
) -> dict[str, Any]:
    weights = [False, True] if share.can_be_larger else [False]
    parts = ROUNDS * len(weights)
    files = max(1, round(rate * seconds / FILE_RECORDS))
    feeder = Feeder(folder, count=files * FILE_RECORDS * parts, rate=rate, parts=parts)
    feeder.wait_until_ready()
    latencies(calls, 1.0)  # warms up
    # What the client waits for a core, or for its own garbage, is no latency of the server's.
    machine.be_on_time(1)
    gc.disable()
    alone, during = Turns(), {weight: Turns() for weight in weights}
    loaded: list[dict[str, float]] = []
    for number in range(ROUNDS):
        share.enlarge(False)
        alone.take(calls, seconds)
        for weight in weights if number % 2 else weights[::-1]:
            share.enlarge(weight)
            feeder.go()
            # It ends before the loading does, which can't be quicker than its rate.
            during[weight].take(calls, 0.9 * seconds)
            loaded.append(feeder.result())
    feeder.end()
    beside = during[False]
    told = {
        "alone": summary(alone.times), "during": summary(beside.times),
        "machine_alone": summary(alone.stalls), "machine_during": summary(beside.stalls),
        "p99_of_turns": list(zip(alone.p99, beside.p99, strict=True)), "ratio": _ratio(alone, beside),
        "asked_per_second": ASKED_PER_SECOND,
        "rows_per_second": sum(one["records"] for one in loaded) / sum(one["seconds"] for one in loaded),
    }  # fmt: skip
    if True not in during:
        return told
    larger = {"times": machine.LARGER, **summary(during[True].times), "ratio": _ratio(alone, during[True])}
    return {**told, "larger_share": larger, "p99_with_larger_share": during[True].p99}


class Turns:
    """Latencies of the answers, and how late the machine itself was: a list of each for each turn, in ms."""

    def __init__(self) -> None:
        self.times: list[list[float]] = []
        self.stalls: list[list[float]] = []

    def take(self, calls: Sequence[Call], seconds: float) -> None:
        # A server that wasn't asked for a while knows nobody's credential, and its memory is cold.
        latencies(calls, _WARM_SECONDS)
        watch = machine.Watch(seconds, ASKED_PER_SECOND)
        self.times.append(latencies(calls, seconds))
        self.stalls.append(watch.latenesses())

    @property
    def p99(self) -> list[float]:
        return [_percentile(times, 99) for times in self.times]


def _ratio(alone: Turns, beside: Turns) -> float:
    return statistics.median(busy / quiet for quiet, busy in zip(alone.p99, beside.p99, strict=True))


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
