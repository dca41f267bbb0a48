import pytest

from inference import health, model_cache, process
from monitoring.models import ServingProcess
from registry import resolver, services
from tests.live.stack import wait_until

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


def test_a_model_that_cannot_be_loaded_is_reported_and_does_not_keep_the_others_from_serving(
    ada, served_version, serving, var_dir
):
    broken = served_version(name="broken")
    for version in (broken, served_version(name="whole")):
        services.activate(version=version, by=ada)
    (var_dir / "models" / broken.artifact).write_bytes(b"damaged")
    serving()
    assert health.is_ready()
    assert loaded() == [("whole", 1)]
    assert list(ServingProcess.objects.get().facts["failed"]) == ["broken:1"]


def test_a_process_tells_that_it_lives_and_what_it_holds_until_it_stops(ada, served_version, serving):
    services.activate(version=served_version(), by=ada)
    serving()
    first = ServingProcess.objects.get().heartbeat_at
    wait_until(lambda: ServingProcess.objects.get().heartbeat_at > first, 10)
    facts = ServingProcess.objects.get().facts
    assert [(row["model"], row["version"]) for row in facts["models"]] == [("oracle", 1)]
    assert facts["rss_bytes"] > 1_000_000
    process.stop()
    assert not ServingProcess.objects.exists()
    assert not health.is_ready()


def test_a_process_that_was_forgotten_registers_again(serving):
    serving()
    ServingProcess.objects.all().delete()
    wait_until(ServingProcess.objects.exists, 10)


def test_a_change_on_another_host_is_noticed_through_the_database(ada, served_version, serving, monkeypatch):
    services.activate(version=served_version(offset=1), by=ada)
    serving()
    assert resolver.resolve("oracle", user=ada).number == 1
    second = served_version(offset=2)
    monkeypatch.setattr("registry.generation.signal", lambda: None)  # another host's counter isn't ours
    services.activate(version=second, by=ada)
    wait_until(lambda: resolver.resolve("oracle", user=ada).number == 2, 10)
    wait_until(lambda: loaded() == [("oracle", 1), ("oracle", 2)], 10)


def test_starting_twice_is_starting_once(serving):
    serving()
    serving()
    assert ServingProcess.objects.count() == 1
