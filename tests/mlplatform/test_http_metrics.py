"""What django-prometheus counts here, and what it must not."""

import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.test import Client
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from mlplatform import http_metrics, metrics_page
from mlplatform.counted_locmem import LocMemCache
from monitoring import scrape

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counts")]


def samples() -> list[Any]:
    """What is counted, read without asking the database, which would be counted."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(settings.METRICS_DIR))
    return [sample for family in registry.collect() for sample in family.samples]


def told(sample_name: str, /, **labels: str) -> float:
    """The sum of the samples with that name and at least those labels."""
    found = [sample for sample in samples() if sample.name == sample_name]
    return sum(sample.value for sample in found if labels.items() <= sample.labels.items())


def values_of(label: str) -> set[str]:
    return {sample.labels[label] for sample in samples() if label in sample.labels}


class TestRequests:
    def test_each_is_counted_by_its_status_and_by_the_views_name(self, client: Client) -> None:
        names = (http_metrics.RESPONSES + "_total", "django_http_responses_total_by_status_view_method_total")
        before = [told(name, status="401") for name in names]

        for _ in range(3):
            client.get("/api/v1/models")

        assert [told(name, status="401") for name in names] == [count + 3 for count in before]
        assert any("model" in name for name in values_of("view"))
        assert not any("/" in name for name in values_of("view"))

    def test_a_refusal_that_no_view_saw_is_counted_too(self, client: Client, settings: Any) -> None:
        settings.RATE_LIMIT_REQUESTS = 1
        before = told(http_metrics.RESPONSES + "_total", status="429")
        statuses = [client.get("/api/v1/models").status_code for _ in range(3)]

        assert told(http_metrics.RESPONSES + "_total", status="429") - before == statuses.count(429) > 0

    def test_health_is_not_counted(self, client: Client) -> None:
        before = told(http_metrics.REQUESTS)
        client.get("/health")

        assert told(http_metrics.REQUESTS) == before

    def test_a_client_can_not_make_labels(self, client: Client) -> None:
        for word in ("BREW", "PROPFIND", "X" * 200):
            client.generic(word, f"/no/such/{word}")
            client.generic(word, "/api/v1/models")

        assert values_of("method") <= {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "other"}
        assert not {name for name in values_of("view") if "such" in name}

    def test_a_length_that_is_no_number_is_not_our_failure(self, client: Client) -> None:
        assert client.get("/api/v1/models", CONTENT_LENGTH="many").status_code < 500


class TestDatabase:
    def test_queries_and_their_errors_are_counted(self) -> None:
        before = told("django_db_execute_total"), told("django_db_errors_total")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            with pytest.raises(DatabaseError):
                cursor.execute("SELECT nothing FROM nowhere")
        connection.set_rollback(True)

        assert told("django_db_execute_total") - before[0] == 2
        assert told("django_db_errors_total") - before[1] == 1

    def test_commands_leave_no_counts_behind(self, tmp_path: Any) -> None:
        environment = {"VAR_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "accounts"]
        subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True, timeout=120)

        assert [path.name for path in (tmp_path / "metrics").glob("*.db") if path.name.startswith("histogram")] == []


class TestCache:
    def test_hits_and_misses_are_counted(self) -> None:
        before = told("django_cache_get_hits_total"), told("django_cache_get_misses_total")
        cache.delete("counted")
        cache.get("counted")
        cache.set("counted", "here")
        cache.get("counted")

        assert told("django_cache_get_hits_total") - before[0] == 1
        assert told("django_cache_get_misses_total") - before[1] == 1

    def test_in_memory_a_value_that_counts_as_false_is_remembered(self) -> None:
        local = LocMemCache("tests", {})
        local.set("zero", 0)

        assert local.get("zero", "not there") == 0
        assert local.get("other", "not there") == "not there"


def test_what_is_scraped_is_on_the_page() -> None:
    """And nothing else that the library could count."""
    families = text_string_to_metric_families(scrape.render().decode())
    scraped = {sample.name for family in families for sample in family.samples}

    assert scraped
    assert {name for name in scraped if not name.endswith("_created")} <= metrics_page.sample_names()
