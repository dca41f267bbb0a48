"""The process that loads for a host, and the serving processes that hand it their files."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError

from monitoring import erasure, spool
from monitoring.models import PredictionLog, SpoolFile
from monitoring.spool import files, shipping
from monitoring.spool.writer import writer
from tests.monitoring.test_shipper import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def loader(settings: Any) -> Iterator[spool.Loader]:
    """A loader that has its claim."""
    settings.SPOOL_SHIP_SECONDS = 0.01
    one = spool.Loader()
    one.load()
    yield one
    one.leave()


def test_what_a_serving_process_hands_over_is_loaded_and_no_file_is_left(loader: spool.Loader, record: Any) -> None:
    shipper = spool.Shipper()
    spool.append(record())
    shipper._tick()
    assert writer.current() is None, "it let go"
    assert not PredictionLog.objects.exists(), "and left the loading to the other"
    loader.load()
    assert PredictionLog.objects.count() == 1
    assert files.listed(files.directory()) == []
    assert not SpoolFile.objects.exists()


def test_behind_a_slow_database_files_grow_and_not_their_number(loader: spool.Loader, record: Any) -> None:
    shipper = spool.Shipper()
    for _ in range(5):
        spool.append(record())
        shipper._tick()
    assert len(files.listed(files.directory())) == 2, "one that waits and one that grows"
    loader.load()
    shipper._tick()
    loader.load()
    assert PredictionLog.objects.count() == 5


def test_where_no_process_loads_a_serving_process_does_it_itself(loader: spool.Loader, record: Any) -> None:
    shipper = spool.Shipper()
    loader.leave()
    spool.append(record())
    shipper._tick()
    assert PredictionLog.objects.count() == 1


def test_of_two_loaders_one_loads_and_the_other_takes_its_place(loader: spool.Loader, record: Any) -> None:
    other = spool.Loader()
    spool.append(record())
    writer.let_go()
    other.load()
    assert not PredictionLog.objects.exists()
    loader.leave()
    other.load()
    assert PredictionLog.objects.count() == 1
    other.leave()


def test_the_job_runner_leaves_the_loading_to_a_loader_that_keeps_up(
    loader: spool.Loader, record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.append(record())
    writer.let_go()
    stray = files.directory() / "by-hand.jsonl"
    stray.touch()
    assert spool.take_over_unattended() == 0
    assert not stray.exists(), "whoever put it there doesn't come back for it"
    assert not PredictionLog.objects.exists()
    monkeypatch.setattr(shipping, "LATE_SECONDS", 0.0)
    assert spool.take_over_unattended() == 1, "and helps one that is behind"
    assert PredictionLog.objects.count() == 1


def test_without_a_loader_the_job_runner_loads_what_dead_processes_left(loader: spool.Loader, record: Any) -> None:
    loader.leave()
    spool.append(record())
    writer.let_go()
    assert spool.take_over_unattended() == 1


def test_it_loads_until_it_is_told_to_stop_through_an_outage_and_then_what_is_left(
    loader: spool.Loader, record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def away() -> int:
        tries.append(1)
        raise OperationalError("the database is away")

    stop = threading.Event()
    thread = threading.Thread(target=loader.run, args=(stop,))
    with monkeypatch.context() as outage:
        outage.setattr(shipping, "take_over", away)
        spool.append(record())
        writer.let_go()
        thread.start()
        wait_until(lambda: len(tries) >= 3)
    wait_until(PredictionLog.objects.exists)
    spool.append(record())
    writer.let_go()
    stop.set()
    thread.join()
    assert PredictionLog.objects.count() == 2


def test_lines_that_were_put_aside_are_erased(loader: spool.Loader, record: Any, root: Any) -> None:
    spool.append(record(subject_id="anna", model_id=10**9))
    writer.let_go()
    loader.load()
    rejected = files.directory() / files.REJECTED
    assert b"anna" in rejected.read_bytes()
    erasure.erase_subject(subject="anna", by=root)
    loader._erasures_at = 0.0
    loader.load()
    assert rejected.read_bytes() == b""
