"""The thread that loads records while the process serves."""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError

from monitoring import spool
from monitoring.models import PredictionLog, SpoolFile
from monitoring.spool import backlog, files, shipper, shipping
from monitoring.spool.writer import writer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running(settings: Any) -> Iterator[spool.Shipper]:
    """A shipper that runs fast, and stops with the test."""
    settings.SPOOL_SHIP_SECONDS = 0.01
    made = spool.Shipper()
    made.start()
    yield made
    made.stop()


def wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_records_arrive_without_anybody_asking(running: spool.Shipper, record: Any) -> None:
    for _ in range(3):
        spool.append(record())
    wait_until(lambda: PredictionLog.objects.count() == 3)


def test_a_dead_processes_records_arrive_though_this_one_has_none(
    record: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.append(record())
    writer.let_go()
    settings.SPOOL_SHIP_SECONDS = 0.01
    monkeypatch.setattr(shipper, "TAKE_OVER_SECONDS", 0.01)
    made = spool.Shipper()
    made.start()
    wait_until(lambda: PredictionLog.objects.count() == 1)
    made.stop()


def test_stopping_loads_the_rest_and_leaves_no_file(record: Any, settings: Any) -> None:
    settings.SPOOL_SHIP_SECONDS = 1000.0
    made = spool.Shipper()
    made.start()
    spool.append(record())
    made.stop()
    assert not made.is_running
    assert PredictionLog.objects.count() == 1
    assert os.listdir(files.directory()) == []
    assert not SpoolFile.objects.exists()
    made.stop()


def test_starting_twice_runs_one_thread_and_it_can_be_started_again(running: spool.Shipper, record: Any) -> None:
    thread = running._thread
    running.start()
    assert running._thread is thread
    running.stop()
    running.start()
    spool.append(record())
    wait_until(PredictionLog.objects.exists)


def test_an_outage_is_survived_and_told_rarely(
    running: spool.Shipper, record: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[float] = []

    def away() -> int:
        tries.append(time.monotonic())
        raise OperationalError("the database is away")

    with monkeypatch.context() as outage:
        outage.setattr(shipping, "ship_once", away)
        spool.append(record())
        wait_until(lambda: len(tries) >= 6)
    wait_until(PredictionLog.objects.exists)
    told = [entry for entry in caplog.records if "can't be loaded" in entry.getMessage()]
    assert 1 <= len(told) < len(tries)
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert gaps[-1] > 4 * 0.01, "tries get rarer"


def test_a_process_without_records_of_its_own_sees_the_outage_as_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    tries: list[float] = []

    def away() -> int:
        tries.append(time.monotonic())
        raise OperationalError("the database is away")

    settings.SPOOL_SHIP_SECONDS = 0.01
    monkeypatch.setattr(shipping, "take_over", away)
    made = spool.Shipper()
    made.start()
    wait_until(lambda: len(tries) >= 4)
    assert not [entry for entry in caplog.records if "loaded again" in entry.getMessage()]
    made.stop()


def test_an_outage_at_the_end_leaves_the_records_in_the_spool(
    record: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SPOOL_SHIP_SECONDS = 1000.0
    made = spool.Shipper()
    made.start()
    spool.append(record())

    def away() -> int:
        raise OperationalError("the database is away")

    with monkeypatch.context() as outage:
        outage.setattr(shipping, "ship_once", away)
        made.stop()
    assert spool.take_over() == 1


def test_pending_answers_without_a_database(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spool.append(record())
    assert spool.ship_once() == 1
    spool.append(record())

    class Away:
        def filter(self, **_: Any) -> Any:
            raise OperationalError("the database is away")

    exact = spool.pending()
    monkeypatch.setattr(backlog.SpoolFile, "objects", Away())
    rough = spool.pending()
    assert exact["is_exact"]
    assert not rough["is_exact"]
    assert files.used_bytes() > rough["bytes"] == exact["bytes"] > 0, "what was loaded before the outage waits no more"
