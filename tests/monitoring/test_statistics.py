"""GET /monitoring/statistics and /api/v1/monitoring/analytics."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.principal import principal_for
from monitoring import spool
from registry.models import RegisteredModel

pytestmark = pytest.mark.django_db
STATISTICS = "/monitoring/statistics"
ANALYTICS = "/api/v1/monitoring/analytics"


def client_of(user: Any, **limits: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user, principal_for(user, **limits))
    return client


@pytest.fixture
def traffic(record: Any, make_version: Any, toy_version: Any) -> None:
    """Three requests of version 1 (one failed), one of version 2, and one of three days ago."""
    second = make_version(2)
    for values in (
        {"latency_ms": 2.0},
        {"latency_ms": 4.0, "outcome": "cached"},
        {"latency_ms": 30.0, "outcome": "error", "status_code": 500},
        {"latency_ms": 8.0, "version_id": second.pk},
        {"latency_ms": 1000.0, "at": timezone.now() - timedelta(days=3)},
    ):
        spool.append(record(**values))
    spool.ship_once()


@pytest.mark.usefixtures("traffic")
def test_counts_error_rate_and_latency_are_told_by_model_and_version(ada: Any) -> None:
    body = client_of(ada).get(STATISTICS).json()
    toy = body["models"]["toy"]
    assert (toy["prediction_count"], toy["error_count"], toy["error_rate"]) == (4, 1, 0.25)
    assert toy["latency_ms"]["avg"] == pytest.approx(11.0)
    assert toy["latency_ms"]["min"] == pytest.approx(2.0, rel=0.045)
    assert toy["latency_ms"]["p50"] == pytest.approx(4.0, rel=0.045)
    assert toy["latency_ms"]["max"] == pytest.approx(30.0, rel=0.045)
    assert {number: told["prediction_count"] for number, told in toy["versions"].items()} == {"1": 3, "2": 1}
    assert body["totals"]["prediction_count"] == 4


@pytest.mark.usefixtures("traffic")
def test_the_span_is_as_long_as_asked_for(ada: Any) -> None:
    client = client_of(ada)
    counts = [client.get(f"{STATISTICS}?hours={hours}").json()["totals"]["prediction_count"] for hours in (1, 168)]
    assert counts == [4, 5]


@pytest.mark.usefixtures("traffic")
def test_others_see_nothing_of_a_private_model_and_staff_see_it(bob: Any, root: Any) -> None:
    assert client_of(bob).get(STATISTICS).json()["models"] == {}
    assert client_of(bob).get(f"{ANALYTICS}?model=toy").status_code == 404
    assert client_of(root).get(STATISTICS).json()["totals"]["prediction_count"] == 4


@pytest.mark.usefixtures("traffic")
def test_a_key_that_is_limited_to_a_model_reads_of_no_other(ada: Any) -> None:
    RegisteredModel.objects.create(name="other", owner=ada)
    client = client_of(ada, model_names=["other"])
    assert list(client.get(STATISTICS).json()["models"]) == ["other"]
    assert client.get(f"{ANALYTICS}?model=toy").status_code == 404


@pytest.mark.usefixtures("traffic")
def test_analytics_of_one_model_have_its_course(ada: Any) -> None:
    body = client_of(ada).get(f"{ANALYTICS}/?model=toy&hours=168").json()
    assert body["step_seconds"] == 3600
    assert body["series"][0]["prediction_count"] == 1
    assert sum(step["prediction_count"] for step in body["series"]) == 5


def test_without_requests_rates_and_latencies_are_null(ada: Any, toy_model: RegisteredModel) -> None:
    toy = client_of(ada).get(STATISTICS).json()["models"][toy_model.name]
    assert (toy["prediction_count"], toy["error_rate"], toy["latency_ms"]["p95"]) == (0, None, None)


@pytest.mark.parametrize("asked", ["hours=0", "hours=169", "hours=1.5", "hours=", "days=1"])
def test_what_cannot_be_read_is_refused(ada: Any, asked: str) -> None:
    assert client_of(ada).get(f"{STATISTICS}?{asked}").status_code == 400


@pytest.mark.usefixtures("traffic")
def test_the_number_of_queries_does_not_grow(ada: Any, django_assert_num_queries: Any) -> None:
    client = client_of(ada)
    for count in range(3):
        RegisteredModel.objects.create(name=f"more{count}", owner=ada)
        with django_assert_num_queries(2):
            assert client.get(STATISTICS).status_code == 200
