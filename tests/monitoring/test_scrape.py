"""What Prometheus is told, over several processes and after one of them died."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.test import Client
from prometheus_client import values
from prometheus_client.parser import text_string_to_metric_families

from accounts import metrics
from accounts.services import create_key
from monitoring import processes, scrape
from registry import services
from tests.standing_in import stand_in

SEEDS_NAMES = {
    "ml_prediction_total",
    "ml_prediction_latency_seconds",
    "ml_prediction_confidence",
    "ml_model_cache_hits_total",
    "ml_model_cache_misses_total",
    "ml_circuit_breaker_state",
    "ml_invalid_input_total",
}
CHILD = """
import sys
from mlplatform import settings
from accounts import metrics
for _ in range(int(sys.argv[1])):
    metrics.count_prediction(model="shared", version=1, status="ok", seconds=0.002)
print("counted", flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.django_db
REMEMBERED = (
    metrics._of_version, metrics._latencies_of, metrics._confidences_of, metrics._invalid_of, metrics._fallback_of,
)  # fmt: skip


@pytest.fixture(autouse=True)
def own_counts(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The counts of this test and its children alone: the page of a process that ran thousands of tests is long."""

    def forget() -> None:
        for remembered in REMEMBERED:
            remembered.cache_clear()

    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(settings.METRICS_DIR))
    usual, own, names = values.ValueClass, values.MultiProcessValue(), {counted._name for counted in metrics.COUNTED}
    close = values._multi_process_cleanups.pop()

    def value(typ: str, name: str, *facts: Any, **more: Any) -> Any:
        return (own if name in names else usual)(typ, name, *facts, **more)

    monkeypatch.setattr(values, "ValueClass", value)
    monkeypatch.setattr(metrics, "_waiting", [])
    for counted in metrics.COUNTED:
        monkeypatch.setattr(counted, "_metrics", {})
    forget()
    yield
    forget()
    close()


def told(sample_name: str, /, page: bytes | None = None, **labels: str) -> float:
    """The sum of the samples with that name and at least those labels, in a page or in a new scrape."""
    families = text_string_to_metric_families((page or scrape.render()).decode())
    samples = [sample for family in families for sample in family.samples if sample.name == sample_name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def counting_child(times: int) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", CHILD, str(times)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert child.stdout is not None
    assert child.stdout.readline() == "counted\n"
    return child


def test_the_names_that_were_promised_are_all_declared() -> None:
    page = (settings.BASE_DIR / "docs" / "metrics.md").read_text()

    assert set(re.findall(r"`(ml_\w+)`", page)) >= SEEDS_NAMES


def test_every_prediction_is_counted_by_how_it_ended(ada: Any, served_version: Any) -> None:
    version = served_version("counted")
    services.activate(version=version, by=ada)
    _, key = create_key(by=ada, owner=ada, name="k", scopes=["predict"])
    client = Client(headers={"X-API-Key": key})

    def ask(body: str) -> int:
        return client.post("/api/v1/predict/counted", body, content_type="application/json").status_code

    assert [ask('{"instances": [[1, 2]], "use_cache": false}') for _ in range(3)] == [200, 200, 200]
    assert ask('{"instances": [["one", 2]]}') == 422
    assert ask("{") == 400
    assert told("ml_prediction_total", model="counted", version="1", status="ok") == 3
    assert told("ml_prediction_total", model="counted", status="invalid") == 2
    assert told("ml_prediction_latency_seconds_count", model="counted") == 5
    assert told("ml_invalid_input_total", model="counted") == 2
    assert told("ml_registry_active_version", model="counted") == 1


def test_what_a_fallback_answered_is_counted_by_the_reason() -> None:
    metrics.count_prediction(model="fell", version=1, status="fallback", seconds=0.1, error_code="model_failed")

    assert told("ml_prediction_fallback_total", model="fell", reason="model_failed") == 1
    assert told("ml_invalid_input_total", model="fell") == 0


def test_counts_are_sums_over_processes_and_outlive_a_killed_one() -> None:
    before = told("ml_prediction_total", model="shared")
    children = [counting_child(times) for times in (3, 4)]
    try:
        assert told("ml_prediction_total", model="shared") - before == 7
        children[0].send_signal(signal.SIGKILL)
        children[0].wait()
        assert told("ml_prediction_total", model="shared") - before == 7
        metrics.count_prediction(model="shared", version=1, status="ok", seconds=0.1)
        assert told("ml_prediction_total", model="shared") - before == 8
        assert scrape.forget_the_dead() >= 1
        assert told("ml_prediction_total", model="shared") - before <= 5
    finally:
        for child in children:
            child.kill()
            child.communicate()


def test_a_process_that_was_killed_as_it_began_a_file_of_counts_spoils_no_scrape() -> None:
    metrics.count_prediction(model="toy", version=1, status="ok", seconds=0.002)
    (settings.METRICS_DIR / "counter_4194304.db").touch()
    assert told("ml_prediction_total", model="toy") == 1


def test_states_are_those_of_this_hosts_living_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, scrape, "socket", gethostname=lambda: "here")
    facts = {
        "models": [{"model": "a", "version": 2, "memory_bytes": 10, "load_ms": 50.0, "running": 3, "waiting": 4}],
        "failed": {"b:3": "swapped"},
        "rss_bytes": 1000,
        "prediction_cache": {"size": 4},
        "breakers": {"redis": "open"},
    }
    for host, pid in (("here", 1), ("here", 2), ("elsewhere", 3)):
        processes.beat(processes.register(host, pid).pk, True, facts)

    page = scrape.render()  # once: after ten seconds without a beat these processes are none
    assert told("ml_model_loaded", page, model="a", version="2") == 2
    assert told("ml_model_load_seconds", page, model="a") == 0.05
    assert told("ml_model_load_failed", page, model="b", version="3") == 2
    assert told("ml_process_resident_bytes", page, pid="1") == 1000
    assert told("ml_process_resident_bytes", page, pid="3") == 0
    assert told("ml_serving_processes", page, ready="true") == 2
    assert told("ml_prediction_cache_size", page) == 8
    assert told("ml_inflight", page, model="a", version="2") == 6
    assert told("ml_queue_depth", page, model="a", version="2") == 8
    assert told("ml_circuit_breaker_state", page, name="redis") == 2


@pytest.mark.parametrize("kind", [DatabaseError, InterfaceError])
def test_without_a_database_the_counts_are_still_told(monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    def away(*args: Any) -> Any:
        raise kind("away")

    metrics.count_prediction(model="still", version=1, status="ok", seconds=0.1)
    monkeypatch.setattr(scrape.processes, "live", away)
    assert told("ml_prediction_total", model="still") == 1
    assert told("ml_serving_processes") == 0


class TestWhoMayRead:
    def test_the_staffs_key_may_and_the_page_says_what_it_is(self, root: Any) -> None:
        _, key = create_key(by=root, owner=root, name="prometheus", scopes=["read"])
        answer = Client().get("/metrics", headers={"X-API-Key": key, "Accept": "application/openmetrics-text"})

        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/plain; version=0.0.4")

    def test_anybody_elses_key_may_not(self, ada: Any) -> None:
        _, key = create_key(by=ada, owner=ada, name="k", scopes=["read"])
        answer = Client().get("/metrics", headers={"X-API-Key": key})

        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")

    def test_an_allowed_network_needs_no_key(self, settings: Any) -> None:
        assert Client().get("/metrics").status_code == 401
        settings.METRICS_NETWORKS = ["127.0.0.0/8"]
        assert Client().get("/metrics").status_code == 200
        assert Client(REMOTE_ADDR="10.1.2.3").get("/metrics").status_code == 401


def test_observations_that_waited_fall_into_the_buckets_the_library_would_choose() -> None:
    edges = [0.0, 0.0005, 0.00051, 0.01, 30.0, 31.0, 1e9]
    for seconds in edges:
        metrics.count_prediction(model="waited", version=1, status="ok", seconds=seconds)
        metrics.LATENCY.labels("at once").observe(seconds)

    def buckets(model: str) -> list[float]:
        return [
            told("ml_prediction_latency_seconds_bucket", model=model, le=le)
            for le in ("0.0005", "0.001", "0.01", "10.0", "30.0", "+Inf")
        ]

    assert buckets("waited") == buckets("at once") == [2, 3, 4, 4, 5, 7]
    assert told("ml_prediction_latency_seconds_sum", model="waited") == pytest.approx(sum(edges))
