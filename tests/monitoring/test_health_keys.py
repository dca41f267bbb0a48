"""The bodies of health and statistics hold what their first readers look for, and say whose numbers they are."""

from typing import Any

import pytest
from django.test import Client

from accounts.services import create_key
from monitoring import processes
from registry import services

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(root: Any, ada: Any, served_version: Any) -> Client:
    """A member of the staff, beside a process that serves one live model."""
    version = served_version("oracle")
    services.activate(version=version, by=ada)
    row = processes.register("web1", 1)
    loaded = {"model": "oracle", "version": 1, "memory_bytes": 10, "load_ms": 1.0}
    processes.beat(row.pk, True, {"models": [loaded], "prediction_cache": {"size": 3}})
    _, key = create_key(by=root, owner=root, name="k", scopes=["read"])
    return Client(headers={"X-API-Key": key})


def test_health_in_detail(reader: Client) -> None:
    answer = reader.get("/monitoring/health")
    body = answer.json()

    assert (answer.status_code, body["status"], body["scope"]) == (200, "ok", "cluster")
    assert body["models"]["oracle"].keys() >= {"status", "prediction_count", "error_rate", "avg_latency"}
    assert body["models"]["oracle"]["status"] == "healthy"
    assert body["cache"]["prediction_cache"].keys() >= {"size", "hits", "misses", "hit_rate"}
    assert body.keys() >= {"memory", "version", "uptime_seconds"}


@pytest.mark.parametrize("path", ["/monitoring/statistics", "/api/v1/monitoring/analytics"])
def test_statistics(reader: Client, path: str) -> None:
    body = reader.get(path).json()

    assert body["scope"] == "cluster"
    assert body["totals"].keys() >= {"prediction_count", "error_count", "error_rate", "latency_ms"}
    assert body["totals"]["latency_ms"].keys() >= {"avg", "min", "max", "p50", "p95", "p99"}
    assert "oracle" in body["models"]


def test_that_the_process_lives_is_told_without_database_host_and_credential(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        answer = Client().get("/health", headers={"host": "anything.example:1"})

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
