"""How long the pages take that read records or their sums: in this process, without the network."""

import statistics
import time
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from django.db import connection, reset_queries
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import services
from accounts.models import User
from benchmarks.records import processor
from benchmarks.records.filling import World
from monitoring.models import PredictionLog
from monitoring.selectors import WINDOWS

ROUNDS = 7
LIST = "admin:monitoring_predictionlog_changelist"
# Pages of what is rare: read again when many records are newer.
RARE = ("Predictions, failed, of a key", "Records, timed out", "API: failures of a model")


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
    return _read_pages(_pages(about))


def read_rare(about: World) -> list[dict[str, Any]]:
    """The pages of what is rare, as `read_all` reads them, for when many records are newer that ended well."""
    pages = {name: url for name, url in _pages(about).items() if name.startswith(RARE)}
    return _read_pages({f"{name}, after many that ended well": url for name, url in pages.items()})


def _read_pages(pages: dict[str, str]) -> list[dict[str, Any]]:
    person, _ = User.objects.get_or_create(
        email="reader@example.org",
        defaults={"username": "reader", "is_staff": True, "is_superuser": True, "is_active": True},
    )
    client = Client(headers={"host": "localhost"})
    client.force_login(person)
    key = services.create_key(by=person, owner=person, name="bench", scopes=["read"], rate_limit=0)[1]
    return [asdict(_read(client, name, url, key)) for name, url in pages.items()]


def _pages(about: World) -> dict[str, str]:
    record = PredictionLog.objects.order_by("-created_at").values_list("pk", flat=True)[1000]
    subject = PredictionLog.objects.exclude(subject_id="").values_list("subject_id", flat=True)[0]
    model, key = about.models[0], f"key:{about.keys[0]}"
    pages = {}
    for window in WINDOWS:
        pages[f"Dashboard, {window}"] = f"{reverse('dashboard')}?window={window}"
        pages[f"Model, {window}"] = f"{reverse('dashboard-model', args=['bench-0'])}?window={window}"
        pages[f"Clients, {window}"] = f"{reverse('dashboard-clients')}?window={window}"
        pages[f"Dashboard of a key, {window}"] = f"{reverse('dashboard')}?client={key}&window={window}"
        pages[f"Dashboard, failed, {window}"] = f"{reverse('dashboard')}?outcome=failed&window={window}"
        pages[f"Predictions, {window}"] = f"{reverse('predictions')}?window={window}"
        pages[f"Predictions, failed, of a key, {window}"] = (
            f"{reverse('predictions')}?outcome=failed&client={key}&window={window}"
        )
    pages |= {
        f"{title} of a model": reverse(f"dashboard-{name}", args=["bench-0"])
        for title, name in (("Quality", "quality"), ("Review", "review"), ("Drift", "drift"))
    }
    pages |= {
        "Processes": reverse("dashboard-processes"),
        "Alerts": reverse("admin:monitoring_alert_changelist"),
        "History of alerts": reverse("admin:monitoring_alertevent_changelist"),
        "Errors": reverse("admin:monitoring_errorgroup_changelist"),
        "Export as CSV, first byte": f"{reverse('predictions-export')}?format=csv&window=month",
        "Export of a model as JSON lines, first byte": (
            f"{reverse('predictions-export')}?format=jsonl&data=on&model=bench-0&window=month"
        ),
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


def _answered(client: Client, url: str, headers: dict[str, str]) -> Any:
    """The answer; of a file, which is asked for by a form, what comes until its first record."""
    address, _, query = url.partition("?")
    if address != reverse("predictions-export"):
        return client.get(url, headers=headers)
    answer = client.post(url, dict(parse_qsl(query)))
    if answer.status_code == 200:
        list(islice(answer.streaming_content, 2))
        answer.close()
    return answer


def _read(client: Client, name: str, url: str, key: str) -> Reading:
    headers = {"X-API-Key": key} if not url.startswith("/admin") else {}
    times, used, queries = [], 0.0, 0
    reset_queries()  # the log of them has an end
    for at in range(ROUNDS + 1):
        with CaptureQueriesContext(connection) as captured:
            began, cpu = time.perf_counter(), time.process_time() + processor.of_backend()
            answer = _answered(client, url, headers)
            taken = (time.perf_counter() - began) * 1000
            used += time.process_time() + processor.of_backend() - cpu if at else 0.0
        if answer.status_code not in (200, 503):
            raise SystemExit(f"{url}: {answer.status_code} {answer.content[:300]!r}")
        queries = len(captured)
        if at:
            times.append(taken)
    return Reading(name, min(times), statistics.median(times), used / ROUNDS * 1000, queries)
