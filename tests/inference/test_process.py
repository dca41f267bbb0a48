import os
import signal
import threading
import time
from types import SimpleNamespace

import pytest
from django.db import InterfaceError, OperationalError

from accounts import metrics
from accounts.models import AuditEvent
from inference import clearing, health, model_cache, prediction_cache, preloading, process
from inference.handlers.base import Predictions
from monitoring import processes
from monitoring.models import ServingProcess
from registry import resolver, services
from tests.live.stack import wait_until
from tests.standing_in import stand_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def serving(settings):
    settings.GENERATION_POLL_SECONDS = 0.05
    settings.HEARTBEAT_SECONDS = 0.05
    yield process.start
    process.stop()


def loaded():
    return sorted((one.served.model_name, one.served.number) for one in model_cache.cache.snapshot())


def test_a_process_is_ready_when_everything_live_is_loaded(ada, served_version, serving):
    for name in ("alpha", "beta"):
        services.activate(version=served_version(name=name), by=ada)
    served_version(name="gamma")
    assert not health.is_ready()
    serving()
    assert health.is_ready()
    assert loaded() == [("alpha", 1), ("beta", 1)]


def test_a_process_is_not_ready_before_a_model_that_could_not_be_loaded_is_back(
    ada, served_version, serving, var_dir, monkeypatch
):
    monkeypatch.setattr(preloading, "RETRY_SECONDS", 0.05)
    broken = served_version(name="broken")
    for version in (broken, served_version(name="whole")):
        services.activate(version=version, by=ada)
    file = var_dir / "models" / broken.artifact
    content = file.read_bytes()
    file.write_bytes(b"damaged")
    serving()
    assert not health.is_ready()
    assert loaded() == [("whole", 1)]
    assert list(health.problems()) == list(ServingProcess.objects.get().facts["failed"]) == ["broken:1"]
    file.write_bytes(content)
    wait_until(health.is_ready, 60)
    assert health.problems() == {}


def test_a_process_that_was_ready_serves_on_when_a_model_is_damaged_later(ada, served_version, serving, var_dir):
    services.activate(version=served_version(), by=ada)
    serving()
    broken = served_version(name="broken")
    (var_dir / "models" / broken.artifact).write_bytes(b"damaged")
    services.activate(version=broken, by=ada)
    wait_until(health.problems, 60)
    assert health.is_ready()


def test_a_lazy_model_is_loaded_by_its_first_request(ada, served_version, serving):
    version = served_version()
    services.change_model(model=version.model, by=ada, load_policy="lazy")
    services.activate(version=version, by=ada)
    serving()
    assert health.is_ready()
    assert loaded() == []


def test_clearing_the_prediction_cache_reaches_every_process(ada, serving):
    serving()
    answer = Predictions([1], None, None, None)
    prediction_cache.cache.put("key", answer, 100)
    wait_until(lambda: ServingProcess.objects.get().facts["prediction_cache"]["size"] == 1, 60)
    assert clearing.clear_everywhere(by=ada) == 1
    wait_until(lambda: len(prediction_cache.cache) == 0, 60)
    assert AuditEvent.objects.filter(action="cache.cleared").count() == 1


def test_what_a_process_counted_outlives_it(serving):
    serving()
    before = processes.totals().get("prediction_cache.hits", 0)
    prediction_cache.cache.counts.hits += 7
    process.stop()
    assert not ServingProcess.objects.exists()
    assert processes.totals()["prediction_cache.hits"] == prediction_cache.cache.counts.hits >= before + 7


def test_a_process_tells_that_it_lives_and_what_it_holds_until_it_stops(ada, served_version, serving):
    services.activate(version=served_version(), by=ada)
    serving()
    first = ServingProcess.objects.get().heartbeat_at
    wait_until(lambda: ServingProcess.objects.get().heartbeat_at > first, 60)
    facts = ServingProcess.objects.get().facts
    assert [(row["model"], row["version"]) for row in facts["models"]] == [("oracle", 1)]
    assert facts["rss_bytes"] > 1_000_000
    process.stop()
    assert not ServingProcess.objects.exists()
    assert not health.is_ready()


def test_a_process_that_was_forgotten_registers_again(serving):
    serving()
    ServingProcess.objects.all().delete()
    wait_until(ServingProcess.objects.exists, 60)


def test_a_change_on_another_host_is_noticed_through_the_database(ada, served_version, serving, monkeypatch):
    services.activate(version=served_version(offset=1), by=ada)
    serving()
    assert resolver.resolve("oracle", user=ada).number == 1
    second = served_version(offset=2)
    monkeypatch.setattr("registry.generation.signal", lambda: None)  # another host's counter isn't ours
    services.activate(version=second, by=ada)
    wait_until(lambda: resolver.resolve("oracle", user=ada).number == 2, 60)
    wait_until(lambda: loaded() == [("oracle", 1), ("oracle", 2)], 60)


def test_a_process_that_is_glanced_at_looks_when_something_changed_and_not_before(
    ada, served_version, serving, settings
):
    settings.GENERATION_POLL_SECONDS = 3600.0
    services.activate(version=served_version(), by=ada)
    serving(is_glancing=True)
    services.activate(version=served_version(name="beta"), by=ada)
    time.sleep(5 * process.LOOK_EVERY_SECONDS)
    assert loaded() == [("oracle", 1)]
    process.glance()
    wait_until(lambda: loaded() == [("beta", 1), ("oracle", 1)], 60)


def test_a_glance_costs_nothing_where_no_process_serves():
    process.glance()


def test_starting_twice_is_starting_once(serving):
    serving()
    serving()
    assert ServingProcess.objects.count() == 1


def test_a_process_for_pages_loads_nothing_nobody_waits_for_it_and_it_follows_what_is_live(
    ada, served_version, serving, monkeypatch
):
    services.activate(version=served_version(offset=1), by=ada)
    serving(is_serving=False)
    assert health.is_ready()
    assert health.problems() == {}
    assert not ServingProcess.objects.exists()
    assert resolver.resolve("oracle", user=ada).number == 1
    monkeypatch.setattr("registry.generation.signal", lambda: None)
    services.activate(version=served_version(offset=2), by=ada)
    wait_until(lambda: resolver.resolve("oracle", user=ada).number == 2, 60)
    assert loaded() == []
    process.stop()
    assert not health.is_ready()


@pytest.mark.parametrize("is_serving", [True, False])
def test_the_metrics_tell_what_the_caches_counted_each_once(serving, is_serving):
    def scraped():
        return metrics.CACHE_HITS.labels("prediction")._value.get()

    serving(is_serving=is_serving)
    wait_until(lambda: process._process._scraped._told, 60)
    before = scraped()
    prediction_cache.cache.counts.hits += 7
    wait_until(lambda: scraped() == before + 7, 60)
    process.stop()
    assert scraped() == before + 7


def test_recycling_asks_the_server_for_an_orderly_end_once_and_lasts_no_longer_than_it_may(serving, monkeypatch):
    serving()
    signals, ends = [], threading.Event()
    note = {"kill": lambda pid, number: signals.append((pid, number)), "_exit": lambda status: ends.set()}
    stand_in(monkeypatch, process, "os", **note)
    monkeypatch.setattr(process, "LEAVE_SECONDS", 0.05)
    process.recycle("a test")
    process.recycle("a test")
    assert signals == [(os.getpid(), signal.SIGTERM)]
    assert not health.is_ready()
    assert ends.wait(60)


def test_outside_of_a_server_nothing_is_recycled(monkeypatch):
    stand_in(monkeypatch, process, "os", kill=lambda *_: pytest.fail("a signal was sent"))
    process.recycle("a test")


def test_a_process_that_begins_without_a_database_is_not_ready_until_there_is_one(
    ada, served_version, serving, monkeypatch
):
    services.activate(version=served_version(), by=ada)
    register = processes.register

    def refuse(*_):
        raise OperationalError("connection refused")

    monkeypatch.setattr(processes, "register", refuse)
    serving()
    assert not health.is_ready()
    monkeypatch.setattr(processes, "register", register)
    wait_until(health.is_ready, 60)
    assert loaded() == [("oracle", 1)]


def test_a_process_ends_in_good_order_when_the_database_is_away(serving, monkeypatch, var_dir):
    serving()

    def refuse(*_):
        raise OperationalError("connection refused")

    monkeypatch.setattr(processes, "beat", refuse)
    process.stop()
    assert list((var_dir / "crashes").iterdir()) == []


def test_a_connection_that_was_closed_under_a_process_is_replaced(monkeypatch, serving):
    closings, beats = [], []
    monkeypatch.setattr(process, "connection", SimpleNamespace(close=lambda: closings.append(True)))

    def beat(*_):
        beats.append(True)
        if len(beats) > 1 and not closings:
            raise InterfaceError("connection already closed")
        return True

    monkeypatch.setattr(processes, "beat", beat)
    serving()
    wait_until(lambda: closings and len(beats) >= 3, 60)
