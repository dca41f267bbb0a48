"""The platform under trial: two serving processes, a job runner, a PostgreSQL and a Redis of its own behind proxies."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from tests import patience, toys
from tests.faults import gates
from tests.faults.load import MIX, Target, capacity
from tests.faults.ways import Way
from tests.live.own_postgres import OwnPostgres, own_postgres
from tests.live.prepared import prepare
from tests.live.stack import Stack, free_port, wait_until

# The capacity is what both cores can do, the load's own clients among them. What a fault costs besides (processes that
# start, files that are validated) needs a core and more for seconds: it is left to them.
SHARE_OF_CAPACITY = float(os.environ.get("FAULTS_SHARE", "0.12"))
SLOW_ELEMENTS = 1_500_000
OFFSETS = {"oracle": 1000.0, "second": 2000.0, "slow": 3000.0, "paced": 4000.0}
PASSWORD = "horse battery"
SETTINGS = {
    "METRICS_NETWORKS": "127.0.0.1/32",
    # So high that nobody meets it, so that it is counted all the same.
    "RATE_LIMIT_KEY_REQUESTS": "2000000",
    "SCRUB_LIVE_SECONDS": "5",
    "JOB_LEASE_SECONDS": "3",
    "VALIDATION_SECONDS": "20",
}


class FaultStack(Stack):
    """Reaches its database through a proxy; what the test asks goes past it."""

    def __init__(self, directory: Path, *, straight_url: str, **options: Any) -> None:
        super().__init__(directory, **options)
        self._straight_url = straight_url

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        through, self.database_url = self.database_url, self._straight_url
        try:
            return super().query(sql)
        finally:
            self.database_url = through


class OwnRedis:
    """A Redis server on a port of its own that keeps nothing."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = shutil.which("redis-server")
        if not binary:
            pytest.skip("redis-server is not installed")
        line = [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(line, stdout=subprocess.DEVNULL, cwd="/")
        wait_until(self._answers, 20)

    def _answers(self) -> bool:
        try:
            with contextlib.closing(self.client()) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.port, socket_timeout=5)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)
            self._process = None


class Platform:
    """Everything a fault is tried on. `rate`: requests per second of the base load, a share of `capacity`."""

    def __init__(self, directory: Path, postgres: OwnPostgres, redis_server: OwnRedis, **settings: str) -> None:
        self.postgres, self.redis = postgres, redis_server
        self.to_postgres, self.to_redis = Way(postgres.port), Way(redis_server.port)
        self.stack = FaultStack(
            directory,
            workers=2,
            straight_url=postgres.url,
            database_url=postgres.url.replace(str(postgres.port), str(self.to_postgres.port)),
            settings={"REDIS_URL": f"redis://127.0.0.1:{self.to_redis.port}/0", **SETTINGS, **settings},
        )
        for name in patience.SETTINGS:
            self.stack.environment.pop(name, None)
        self.capacity = self.rate = 0.0

    def start(self) -> None:
        """An empty database, everything running, three models live."""
        stack = self.stack
        stack.key = prepare(stack.directory, stack.environment).key
        self.stack.start("jobs", "runjobs")
        self.stack.start_server()
        for name, number in (("oracle", 1), ("second", 1), ("slow", 1)):
            self.upload(name, number)
            self.activate(name, number)

    def measure(self) -> None:
        """Find the capacity, and with it the base load."""
        target = self.target()
        capacity(target, seconds=1.0)
        self.capacity = capacity(target)
        self.rate = SHARE_OF_CAPACITY * self.capacity

    def upload(self, name: str, number: int) -> None:
        """Version `number` of a model, which answers x + what the model adds + number; waits until it is ready."""
        offset = OFFSETS[name] + number
        content = toys.heavy_oracle(offset, elements=SLOW_ELEMENTS) if name == "slow" else toys.oracle(offset)
        status, body = self.stack.upload(name, content, task="regression")
        assert status == 201, (body, self.stack.log("jobs"))
        assert body["version"]["number"] == number

    def activate(self, name: str, number: int) -> int:
        return int(self.stack.call("POST", f"/api/v1/models/{name}/versions/{number}/activate", {})[0])

    def target(self) -> Target:
        """Where a load goes; with a token of now."""
        status, _, body = self.stack.call(
            "POST", "/api/v1/auth/login", {"email": "root@example.org", "password": PASSWORD}, timeout=30
        )
        assert status == 200, body
        return Target(self.stack.port, self.stack.key, body["access"], OFFSETS)

    def dropped(self) -> int:
        """Records that the platform says it gave up."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.stack.port}/metrics", timeout=30) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        samples = [sample for family in families for sample in family.samples]
        return int(sum(sample.value for sample in samples if sample.name == "ml_prediction_log_dropped_total"))

    def plain(self, path: str, *, timeout: float = 2.0) -> int:
        """The status of a page that asks for no credential; 0: no answer."""
        try:
            return int(self.stack.call("GET", path, timeout=timeout)[0])
        except Exception:
            return 0

    def restart_server(self, with_signal: int = signal.SIGTERM) -> None:
        self.stack.stop("server", with_signal)
        self.stack.start_server()

    def heal(self) -> None:
        """After a trial that broke off: everything runs and is reachable, for the next one."""
        self.to_postgres.mend()
        self.to_redis.mend()
        if not self.postgres.is_running:
            self.postgres.start()
        if not gates.processes_of(self.stack.directory) or self.plain("/health") != 200:
            with contextlib.suppress(KeyError, subprocess.TimeoutExpired):
                self.stack.stop("server")
            self.stack.start_server()
        wait_until(self.stack.is_ready, 60)

    def close(self) -> None:
        self.to_postgres.mend()
        self.to_redis.mend()
        self.stack.stop_all()
        gates.clear_up(self.stack.directory)
        self.to_postgres.close()
        self.to_redis.close()


@contextlib.contextmanager
def running(directory: Path, **settings: str) -> Iterator[Platform]:
    """A platform with servers of its own; all of it ends with the block."""
    with contextlib.ExitStack() as resources:
        postgres = resources.enter_context(own_postgres())
        redis_server = OwnRedis()
        redis_server.start()
        resources.callback(redis_server.stop)
        platform = Platform(directory, postgres, redis_server, **settings)
        resources.callback(platform.close)
        platform.start()
        platform.measure()
        yield platform


def wait_ready(platform: Platform, seconds: float) -> float | None:
    """Seconds until /ready says so; None when it does not."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if platform.plain("/ready") == 200:
            return time.monotonic() - began
        time.sleep(0.1)
    return None


SLOWER_MIX = (*("slow",) * 5, *MIX[:15])
"""A quarter asks the model whose answers are shared through Redis."""
