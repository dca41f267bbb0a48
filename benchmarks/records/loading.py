"""How fast records are loaded, by the code that serving processes run, and what that does to predictions beside it."""

import gc
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.records.filling import World

FILE_RECORDS = 20_000


def spool_file(about: World, count: int = FILE_RECORDS) -> int:
    """A file of a process that is gone, with records of this moment; its size in bytes."""
    from monitoring import spool
    from monitoring.spool.writer import writer

    before = time.time()
    for number in range(count):
        model = int(len(about.models) * random.random() ** 2)
        client = number % len(about.users)
        spool.append(
            {
                "id": str(uuid.uuid4()), "request_id": f"bench-{number}", "at": before + number * 1e-6,
                "model_id": about.models[model], "version_id": about.versions[2 * model + 1],
                "user_id": about.users[client], "key_id": about.keys[client], "subject_id": "", "outcome": "ok",
                "status_code": 200, "error_code": "", "instance_count": 1, "latency_ms": random.expovariate(1.0) + 0.05,
                "inference_ms": 0.1, "confidence": 0.93,
                "input": {"instances": [[round(random.random() * 100, 4) for _ in range(10)]]},
                "output": {"predictions": ["yes"], "probabilities": [[0.07, 0.93]]},
            }
        )  # fmt: skip
    current = writer.current()
    assert current is not None
    writer.let_go()
    return current[1]


class Feeder:
    """A process of its own that has a spool to load, and begins when told. `rate` 0: as fast as it can."""

    def __init__(self, folder: Path, *, count: int, rate: int = 0) -> None:
        environment = {**os.environ, "VAR_DIR": str(folder)}
        self._child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.records", "--feed", str(count), "--rate", str(rate)],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._input, self._output = self._child.stdin, self._child.stdout

    def wait_until_ready(self) -> None:
        while self._output.readline().strip() != "ready":
            if self._child.poll() is not None:
                raise SystemExit("the process that loads records ended")

    def go(self) -> None:
        self._input.write("go\n")
        self._input.flush()

    def result(self) -> dict[str, float]:
        """What `feed` returned."""
        told, _ = self._child.communicate(timeout=600)
        return dict(json.loads(told.splitlines()[-1]))


def feed(about: World, count: int, rate: int) -> dict[str, float]:
    """In a process of its own: make spool files, say so, wait for the word, load them by the code of every shipper."""
    from benchmarks.records import processor
    from monitoring import spool
    from monitoring.spool import files

    for _ in range(count // FILE_RECORDS):
        spool_file(about)
    waiting = files.listed(files.directory())
    size = sum(path.stat().st_size for path in waiting)
    held = [path.rename(path.with_suffix(".held")) for path in waiting]
    gc.collect()
    gc.freeze()  # as a serving process does
    print("ready", flush=True)
    sys.stdin.readline()
    began, own, theirs, loaded = time.perf_counter(), time.process_time(), processor.of_backend(), 0
    for number, path in enumerate(held):
        if rate:
            time.sleep(max(0.0, began + number * FILE_RECORDS / rate - time.perf_counter()))
        path.rename(path.with_suffix(".jsonl"))
        loaded += spool.take_over()
    seconds = time.perf_counter() - began
    if loaded != count:
        raise SystemExit(f"{loaded} of {count} records were loaded")
    own, theirs = time.process_time() - own, processor.of_backend() - theirs
    return {
        "records": loaded, "seconds": seconds, "own_us": own / loaded * 1e6, "database_us": theirs / loaded * 1e6,
        "bytes": size / count,
    }  # fmt: skip


def load_all(folder: Path, count: int, *, processes: int) -> dict[str, float]:
    """Load `count` records by so many processes at once."""
    feeders = [Feeder(folder / f"feed-{number}", count=count // processes) for number in range(processes)]
    for feeder in feeders:
        feeder.wait_until_ready()
    for feeder in feeders:
        feeder.go()
    told = [feeder.result() for feeder in feeders]
    return {
        "rows_per_second": sum(one["records"] for one in told) / max(one["seconds"] for one in told),
        "own_us_per_record": sum(one["own_us"] for one in told) / processes,
        "database_us_per_record": sum(one["database_us"] for one in told) / processes,
        "bytes_per_record": told[0]["bytes"],
    }


def beside(call: Callable[[], None], *, rate: int, seconds: float, folder: Path) -> dict[str, Any]:
    """The latency of single predictions, first alone, then while records are loaded by another process."""
    feeder = Feeder(folder, count=round(rate * seconds / FILE_RECORDS) * FILE_RECORDS, rate=rate)
    feeder.wait_until_ready()
    _latencies(call, 1.0)
    alone = _latencies(call, seconds)
    feeder.go()
    during = _latencies(call, seconds * 0.9)
    told = feeder.result()
    return {"alone": alone, "during": during, "rows_per_second": told["records"] / told["seconds"]}


def _latencies(call: Callable[[], None], seconds: float) -> dict[str, float]:
    """Percentiles in milliseconds of what four clients see that ask a hundred times a second each."""
    times: list[float] = []
    until = time.perf_counter() + seconds

    def ask() -> None:
        while (began := time.perf_counter()) < until:
            call()
            taken = time.perf_counter() - began
            times.append(taken * 1000)
            time.sleep(max(0.0, 0.01 - taken))

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    cuts = statistics.quantiles(times, n=100)
    return {"p50": cuts[49], "p99": cuts[98], "requests": len(times)}
