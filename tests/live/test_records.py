"""What was answered is recorded once, or counted as given up, whatever fails while requests come in."""

import logging
import os
import random
import shutil
import signal
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.live.load import Load
from tests.live.own_postgres import OwnPostgres, own_postgres
from tests.live.prepared import Prepared, prepare
from tests.live.stack import Stack, bare_environment, wait_until

log = logging.getLogger(__name__)
# Each brings a PostgreSQL of its own, whichever the test run is on.
pytestmark = [pytest.mark.live, pytest.mark.once, pytest.mark.django_db(databases=[])]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prepared, OwnPostgres]]:
    """What each test's server begins as: stopped, so that its files can be copied."""
    with own_postgres() as server:
        prepared = prepare(tmp_path_factory.mktemp("prepared"), bare_environment(), server.url)
        server.stop()
        yield prepared, server


@pytest.fixture
def postgres(installation: tuple[Prepared, OwnPostgres]) -> Iterator[OwnPostgres]:
    with own_postgres(like=installation[1]) as server:
        yield server


@pytest.fixture
def on(
    installation: tuple[Prepared, OwnPostgres], postgres: OwnPostgres, tmp_path: Any, oracle: Any
) -> Iterator[Callable[..., Stack]]:
    """Starts a platform with a live oracle on the test's own server."""
    started: list[Stack] = []

    def start(**settings: str) -> Stack:
        settings = {"METRICS_NETWORKS": "127.0.0.1/32", **settings}
        running = Stack(tmp_path, workers=3, database_url=postgres.url, settings=settings)
        started.append(running)
        running.begin_as(installation[0])
        running.start("jobs", "runjobs")
        running.start_server()
        oracle(running, 1)
        assert running.call("POST", "/api/v1/models/oracle/versions/1/activate", {})[0] == 200
        return running

    yield start
    for running in started:
        running.stop_all()


def acknowledged(load: Load) -> set[str]:
    """The ids of what was answered; each was given once."""
    ids = [exchange.body["prediction_id"] for exchange in load.exchanges if exchange.status == 200]
    assert len(set(ids)) == len(ids)
    return set(ids)


def recorded(running: Stack) -> list[str]:
    return [str(row[0]) for row in running.query("SELECT id FROM monitoring_predictionlog WHERE outcome <> 'invalid'")]


def summed(running: Stack) -> int:
    [(requests,)] = running.query("SELECT COALESCE(SUM(requests), 0) FROM monitoring_rollup WHERE resolution = 60")
    return int(requests)


def given_up(running: Stack) -> int:
    """What Prometheus is told of dropped records; it shows no key, which would have to be looked up."""
    with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/metrics", timeout=30) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    samples = [sample for family in families for sample in family.samples]
    return int(sum(sample.value for sample in samples if sample.name == "ml_prediction_log_dropped_total"))


def answer(load: Load, count: int) -> None:
    """Go on until so many more are answered well."""

    def answered() -> int:
        return sum(exchange.status == 200 for exchange in list(load.exchanges))

    enough = answered() + count
    wait_until(lambda: answered() >= enough, 120, lambda: f"{enough - answered()} of {count} answers are missing")


def spooled(running: Stack) -> int:
    total = 0
    for path in (running.directory / "spool").rglob("*.jsonl"):
        with suppress(FileNotFoundError):  # it was loaded meanwhile
            total += path.stat().st_size
    return total


@pytest.mark.parametrize("seconds", [4, pytest.param(30, marks=pytest.mark.slow)])
def test_kills_of_all_kinds_and_a_database_that_goes_away_lose_and_double_nothing(
    on: Any, postgres: OwnPostgres, seconds: int
) -> None:
    running = on()
    chance = random.Random(11)

    def kill_a_worker() -> None:
        os.kill(chance.choice([*running.children("server"), *running.helpers("server").values()]), signal.SIGKILL)

    def kill_the_jobs() -> None:
        os.killpg(running.pid("jobs"), signal.SIGKILL)
        running.stop("jobs")
        running.start("jobs", "runjobs")

    with Load(running, threads=4, pause=0.02) as load:
        answer(load, 50)
        kill_a_worker()
        kill_the_jobs()
        answer(load, 100)
        postgres.stop(kill=True)
        # Predictions go on without the database.
        answer(load, 5 * seconds)
        time.sleep(seconds / 2)
        kill_a_worker()
        time.sleep(seconds / 2)
        answer(load, 5 * seconds)
        postgres.start()
        kill_the_jobs()
        answer(load, 300)
        kill_a_worker()
        answer(load, 300)

    wanted = acknowledged(load)
    refused = [exchange.body["error"]["code"] for exchange in load.exchanges if exchange.status != 200]
    # A worker that begins while the database is away knows neither models nor keys.
    assert set(refused) <= {"database_unavailable"}, Counter(refused)
    assert len(refused) < 0.5 * len(wanted)
    wait_until(
        lambda: wanted <= set(recorded(running)),
        120,
        lambda: f"{len(wanted - set(recorded(running)))} of {len(wanted)} missing",
    )
    rows = recorded(running)
    assert len(rows) == len(set(rows))
    # A worker may be killed between writing the record and sending the answer.
    assert len(wanted) <= len(rows) <= len(wanted) + len(load.broken)
    assert summed(running) == len(rows)
    assert given_up(running) == 0
    log.info("%d answered; %d refused; %d connections cut", len(wanted), len(refused), len(load.broken))


def test_a_spool_that_is_full_answers_and_counts_what_it_drops(on: Any, postgres: OwnPostgres) -> None:
    # The processes look at the disk once a second, and may overshoot by what they write within it: less than the
    # quarter that is kept for records without data.
    most = 1_000_000
    running = on(SPOOL_MAX_BYTES=str(most))
    with Load(running, threads=3, pause=0.002) as load:
        answer(load, 50)
        postgres.stop()
        wait_until(lambda: given_up(running) > 50, 120, lambda: f"{spooled(running)} bytes spooled")
        assert spooled(running) < 2 * most
        postgres.start()
        wait_until(lambda: spooled(running) < 60_000, 120)
        answer(load, 50)

    wanted = acknowledged(load)
    assert {exchange.status for exchange in load.exchanges} == {200}
    assert load.broken == []
    wait_until(lambda: len(recorded(running)) + given_up(running) == len(wanted), 120)
    rows = set(recorded(running))
    assert rows <= wanted
    assert summed(running) == len(rows)
    [(without_data,)] = running.query("SELECT COUNT(*) FROM monitoring_predictionlog WHERE input IS NULL")
    assert without_data > 0, "data is left out before records are dropped"
    log.info("%d answered: %d rows, %d of them without data, the rest dropped", len(wanted), len(rows), without_data)


@pytest.fixture
def small_disk(tmp_path: Any) -> Iterator[None]:
    """The spool on a file system of its own with 400 kB."""
    spool = tmp_path / "spool"
    spool.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(spool)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("it takes the right to mount a file system")
    yield
    subprocess.run(["umount", "-l", str(spool)], check=True)


def test_a_disk_that_is_full_is_answered_from_and_counted(small_disk: None, on: Any, postgres: OwnPostgres) -> None:
    running = on()
    with Load(running, threads=3, pause=0.002) as load:
        answer(load, 50)
        postgres.stop()
        wait_until(lambda: given_up(running) > 50, 120, lambda: f"{spooled(running)} bytes spooled")
        assert spooled(running) <= 400 * 1024
        postgres.start()
        wait_until(lambda: spooled(running) < 100_000, 120)
        answer(load, 50)

    wanted = acknowledged(load)
    assert {exchange.status for exchange in load.exchanges} == {200}
    wait_until(lambda: len(recorded(running)) + given_up(running) == len(wanted), 120)
    rows = set(recorded(running))
    assert rows <= wanted
    assert summed(running) == len(rows)
    assert running.query("SELECT COUNT(*) FROM monitoring_predictionlog") == [(len(rows),)]
    log.info("%d answered: %d rows, %d dropped", len(wanted), len(rows), given_up(running))


def test_a_spool_that_is_full_refuses_where_nothing_may_go_unrecorded(on: Any, postgres: OwnPostgres) -> None:
    running = on(SPOOL_MAX_BYTES="120000", SPOOL_WHEN_FULL="refuse")
    with Load(running, threads=3, pause=0.002) as load:
        answer(load, 50)
        postgres.stop()
        wait_until(lambda: sum(one.status == 503 for one in list(load.exchanges)) > 20, 120)
        postgres.start()
        wait_until(lambda: [one.status for one in load.exchanges[-30:]] == [200] * 30, 120)

    refused = [exchange.body["error"]["code"] for exchange in load.exchanges if exchange.status == 503]
    assert set(refused) == {"records_full"}
    wanted = acknowledged(load)
    wait_until(lambda: set(recorded(running)) == wanted, 120, lambda: f"{len(recorded(running))} of {len(wanted)}")
    log.info("%d answered and recorded, %d refused", len(wanted), len(refused))
