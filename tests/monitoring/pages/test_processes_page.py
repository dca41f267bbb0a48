"""Caches and processes: what each process says of itself, as people read it."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from monitoring import fleet, processes, spool
from monitoring.fleet import Gauge
from monitoring.spool.writer import writer

pytestmark = pytest.mark.django_db
MB = 1024**2
FACTS: dict[str, Any] = {
    "models": [
        {"model": "toy", "version": 1, "memory_bytes": 3 * MB, "load_ms": 12.5, "running": 1, "waiting": 2,
         "refused": 4, "late": 0, "recent_ms": 0.25, "is_cached": True},
    ],
    "failed": {"toy:2": "no file"},
    "rss_bytes": 96 * MB,
    "memory": {"limit_bytes": 100 * MB, "peak_bytes": 97 * MB},
    "prediction_cache": {"size": 30, "max_size": 40},
    "model_cache": {"bytes": 3 * MB, "max_bytes": 50 * MB},
    "counters": {"prediction_cache.hits": 30, "prediction_cache.misses": 10, "model_cache.evictions": 7},
}  # fmt: skip


@pytest.fixture
def reader(root: Any) -> Client:
    client = Client()
    client.force_login(root)
    return client


def read(reader: Client) -> str:
    return str(reader.get(reverse("dashboard-processes")).content.decode())


def test_it_says_what_is_loaded_and_how_full_everything_is(reader: Client, toy_model: Any, record: Any) -> None:
    process = processes.register("machine", 4711)
    processes.beat(process.pk, True, FACTS)
    spool.append(record(input="x" * 5000))
    text = read(reader)
    for words in (
        "machine · 4711", "ready", "toy:1", "toy:2 can", "96.0\xa0MB of 100.0\xa0MB allowed", "30 of 40, 75.0 % found",
        "3.0\xa0MB", "0.250 ms", "4, 0", "7 pushed out", "2 wait for their turn", "5.", "the oldest for",
    ):  # fmt: skip
        assert words in text, words
    assert "m-gauge-danger" in text, "96 % of the memory"
    spool.ship_once()
    writer.let_go()
    spool.take_over()
    assert "No record waits to be loaded" in read(reader)


def test_without_processes_it_says_what_to_do(reader: Client) -> None:
    assert "manage.py serve" in read(reader)


@pytest.mark.parametrize(
    "facts",
    [{}, {"models": []}, {"models": "?", "memory": None, "failed": []}, {"models": [{"model": "toy"}]}],
)
def test_a_process_that_has_not_said_much_is_listed_too(reader: Client, toy_model: Any, facts: dict[str, Any]) -> None:
    process = processes.register("machine", 1)
    processes.beat(process.pk, False, facts)
    assert "loading" in read(reader)


def test_models_the_reader_may_not_know_of_are_not_named(toy_model: Any) -> None:
    process = processes.register("machine", 1)
    processes.beat(process.pk, True, FACTS)
    from django.utils import timezone

    assert fleet.read({"another"}, timezone.now()).processes[0].models == []
    assert fleet.read({"another"}, timezone.now()).processes[0].failed == {}
    assert [held.name for held in fleet.read({"toy"}, timezone.now()).processes[0].models] == ["toy:1"]


def test_only_people_with_the_permission_see_it() -> None:
    person = User.objects.create_user("clerk@example.org", "correct horse battery", is_staff=True)
    client = Client()
    client.force_login(person)
    for name in ("dashboard-processes", "dashboard-clients", "predictions"):
        assert client.get(reverse(name)).status_code == 403
    person.user_permissions.set(Permission.objects.filter(codename="view_predictionlog"))
    for name in ("dashboard-processes", "dashboard-clients", "predictions"):
        assert client.get(reverse(name)).status_code == 200


def test_what_processes_say_is_shown_as_text_and_costs_the_same_for_many(
    reader: Client, toy_model: Any, django_assert_max_num_queries: Any
) -> None:
    attack = "<script>alert(1)</script>"
    first = processes.register(attack, 1)
    processes.beat(first.pk, True, {**FACTS, "failed": {"toy:3": attack}})
    assert "<script>alert" not in read(reader)
    with django_assert_max_num_queries(40) as few:
        read(reader)
    for number in range(10):
        processes.beat(processes.register("machine", number + 2).pk, True, FACTS)
    with django_assert_max_num_queries(len(few)):
        read(reader)


@pytest.mark.parametrize(
    ("value", "limit", "percent", "tone"),
    [(1, None, None, "info"), (1, 0, None, "info"), (50, 100, 50.0, "info"), (80, 100, 80.0, "warning"),
     (300, 100, 100.0, "danger")],
)  # fmt: skip
def test_a_gauge_is_alarming_when_it_is_nearly_full(value: int, limit: Any, percent: Any, tone: str) -> None:
    assert (Gauge(value, limit).percent, Gauge(value, limit).tone) == (percent, tone)
