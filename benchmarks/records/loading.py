"""How fast records are loaded, by the code that the loader runs."""

import gc
import json
import os
import random
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.records.filling import World

FILE_RECORDS = 10_000


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
    """A process of its own that has a spool to load, in `parts`, each when told. `rate` 0: as fast as it can."""

    def __init__(self, folder: Path, *, count: int, rate: int = 0, parts: int = 1) -> None:
        environment = {**os.environ, "VAR_DIR": str(folder)}
        self._child = subprocess.Popen(
            [
                sys.executable, "-m", "benchmarks.records",
                "--feed", str(count), "--rate", str(rate), "--parts", str(parts),
            ],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._input, self._output = self._child.stdin, self._child.stdout

    def wait_until_ready(self) -> None:
        while self._next() != "ready":
            pass

    def go(self) -> None:
        """Let it load the next part."""
        self._input.write("go\n")
        self._input.flush()

    def result(self) -> dict[str, float]:
        """What `feed` told of the part, once it is loaded."""
        return dict(json.loads(self._next()))

    def end(self) -> None:
        self._input.close()
        self._child.wait(timeout=60)

    def _next(self) -> str:
        line = self._output.readline()
        if not line:
            raise SystemExit("the process that loads records ended")
        return line.strip()


def feed(about: World, count: int, rate: int, parts: int) -> None:
    """In a process of its own: make spool files and say so; at each word load a part of them by the code of every
    shipper, and tell what it took.
    """
    from mlplatform.server import loader
    from monitoring.spool import files

    for _ in range(count // FILE_RECORDS):
        spool_file(about)
    waiting = files.listed(files.directory())
    size = sum(path.stat().st_size for path in waiting)
    held = [path.rename(path.with_suffix(".held")) for path in waiting]
    gc.collect()
    gc.freeze()  # as the loader does
    os.nice(loader.NICENESS)
    print("ready", flush=True)
    share = len(held) // parts
    for part in range(parts):
        if not sys.stdin.readline():
            break
        told = _load(held[part * share : (part + 1) * share], rate)
        print(json.dumps(told | {"bytes": size / count}), flush=True)


def _load(held: list[Path], rate: int) -> dict[str, float]:
    """Load files as the loader does, no more than `rate` records in a second; what it took."""
    from monitoring.spool import loader

    began, own = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(loader.threads()) as threads:
        told = list(threads.map(partial(_load_one, began=began, rate=rate), range(len(held)), held))
    seconds, own = time.perf_counter() - began, time.process_time() - own
    loaded = sum(records for records, _ in told)
    if loaded != len(held) * FILE_RECORDS:
        raise SystemExit(f"{loaded} of {len(held) * FILE_RECORDS} records were loaded")
    theirs = sum(used for _, used in told)
    return {
        "records": loaded, "seconds": seconds, "own_us": own / loaded * 1e6, "database_us": theirs / loaded * 1e6,
    }  # fmt: skip


def _load_one(number: int, path: Path, *, began: float, rate: int) -> tuple[int, float]:
    """Let a file be loaded when it is its turn, and load what waits; records, and the database's processor time."""
    from benchmarks.records import processor
    from monitoring import spool

    if rate:
        time.sleep(max(0.0, began + number * FILE_RECORDS / rate - time.perf_counter()))
    path.rename(path.with_suffix(".jsonl"))
    theirs = processor.of_backend()
    return spool.take_over(), processor.of_backend() - theirs


def load_all(folder: Path, count: int, *, processes: int) -> dict[str, float]:
    """Load `count` records by so many processes at once."""
    feeders = [Feeder(folder / f"feed-{number}", count=count // processes) for number in range(processes)]
    for feeder in feeders:
        feeder.wait_until_ready()
    for feeder in feeders:
        feeder.go()
    told = [feeder.result() for feeder in feeders]
    for feeder in feeders:
        feeder.end()
    return {
        "rows_per_second": sum(one["records"] for one in told) / max(one["seconds"] for one in told),
        "own_us_per_record": sum(one["own_us"] for one in told) / processes,
        "database_us_per_record": sum(one["database_us"] for one in told) / processes,
        "bytes_per_record": told[0]["bytes"],
    }
