"""How long the pages take that read records or their sums: in this process, without the network."""

import statistics
import time
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from accounts import services
from accounts.models import User
from benchmarks.records import processor
from benchmarks.records.filling import World
from monitoring.models import PredictionLog
from monitoring.selectors import WINDOWS

ROUNDS = 7
LIST = "admin:monitoring_predictionlog_changelist"


@dataclass(frozen=True, slots=True)
class Reading:
    """One page: its shortest and its median time, the processor time of this process and of PostgreSQL's for it, and
    how many queries it makes.
    """

    name: str
    shortest_ms: float
    median_ms: float
    cpu_ms: float
    queries: int


def read_all(about: World) -> list[dict[str, Any]]:
    """Every page, once unmeasured and then ROUNDS times."""
    person, _ = User.objects.get_or_create(
        email="reader@example.org",
        defaults={"username": "reader", "is_staff": True, "is_superuser": True, "is_active": True},
    )
    client = Client(headers={"host": "localhost"})
    client.force_login(person)
    key = services.create_key(by=person, owner=person, name="bench", scopes=["read"], rate_limit=0)[1]
    return [asdict(_read(client, name, url, key)) for name, url in _pages(about).items()]


def _pages(about: World) -> dict[str, str]:
    record = PredictionLog.objects.order_by("-created_at").values_list("pk", flat=True)[1000]
    subject = PredictionLog.objects.exclude(subject_id="").values_list("subject_id", flat=True)[0]
    model = about.models[0]
    pages = {}
    for window in WINDOWS:
        pages[f"Dashboard, {window}"] = f"{reverse('dashboard')}?window={window}"
        pages[f"Model, {window}"] = f"{reverse('dashboard-model', args=['bench-0'])}?window={window}"
    for title, name in (("Processes", "processes"), ("Clients", "clients"), ("Predictions", "predictions")):
        try:
            pages[title] = reverse(name)
        except NoReverseMatch:
            continue
    pages |= {
        "Records": reverse(LIST),
        "Records of a model": f"{reverse(LIST)}?model__id__exact={model}",
        "Records, timed out": f"{reverse(LIST)}?outcome__exact=timeout",
        "Records, last day": f"{reverse(LIST)}?within=day",
        "One prediction": reverse("prediction", args=[record]),
        "API: the newest predictions": "/api/v1/predictions",
        "API: predictions of a version": "/api/v1/predictions?model=bench-0&version=2",
        "API: failures of a model": "/api/v1/predictions?model=bench-3&outcome=error",
        "API: one prediction": f"/api/v1/predictions/{record}",
        "API: statistics of a day": "/monitoring/statistics?hours=24",
        "API: health": "/monitoring/health",
    }
    assert subject
    return pages


def _read(client: Client, name: str, url: str, key: str) -> Reading:
    headers = {"X-API-Key": key} if not url.startswith("/admin") else {}
    times, used, queries = [], 0.0, 0
    for at in range(ROUNDS + 1):
        with CaptureQueriesContext(connection) as captured:
            began, cpu = time.perf_counter(), time.process_time() + processor.of_backend()
            answer = client.get(url, headers=headers)
            taken = (time.perf_counter() - began) * 1000
            used += time.process_time() + processor.of_backend() - cpu if at else 0.0
        if answer.status_code not in (200, 503):
            raise SystemExit(f"{url}: {answer.status_code} {answer.content[:300]!r}")
        queries = len(captured)
        if at:
            times.append(taken)
    return Reading(name, min(times), statistics.median(times), used / ROUNDS * 1000, queries)
