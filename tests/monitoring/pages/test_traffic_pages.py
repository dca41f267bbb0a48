"""The overview and the page of a model: who sees them, what they say, what they cost."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from monitoring import processes, spans, spool
from registry.models import Deployment, RegisteredModel

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(root: Any) -> Client:
    client = Client()
    client.force_login(root)
    return client


def fill(record: Any, requests: int = 20) -> None:
    for number in range(requests):
        spool.append(record(outcome=("ok", "cached", "invalid", "error", "timeout")[number % 5]))
    spool.ship_once()


def test_the_empty_dashboard_says_what_to_do_next(reader: Client) -> None:
    page = reader.get(reverse("dashboard"))
    assert page.status_code == 200
    text = page.content.decode()
    assert "No requests in the last hour" in text
    assert "No model is live yet" in text
    assert "No serving process has reported" in text


def test_the_empty_dashboard_shows_a_call_to_paste_once_a_model_is_live(reader: Client, toy_version: Any) -> None:
    Deployment.objects.create(
        model=toy_version.model,
        version=toy_version,
        action="activate",
        by=toy_version.created_by,
        activated_at=toy_version.created_at,
    )
    for name in ("dashboard", "dashboard-model"):
        text = reader.get(reverse(name, args=["toy"] if name == "dashboard-model" else [])).content.decode()
        assert "http://testserver/api/v1/predict/toy" in text
        assert "X-API-Key" in text


@pytest.mark.parametrize("window", ["hour", "day", "week", "month"])
def test_the_dashboard_shows_numbers_charts_and_the_same_numbers_as_text(
    reader: Client, record: Any, window: str
) -> None:
    fill(record)
    text = reader.get(reverse("dashboard"), {"window": window}).content.decode()
    assert text.count("<svg") >= 3
    assert text.count('<path class="m-fill-') == 5
    assert "20 requests, at most" in text, "in words, for who does not see the picture"
    assert "40.0 %" in text, "8 of 20 failed or timed out"
    assert "<title" in text
    assert "failed: 4" in text
    assert "2.5" in text


def test_the_page_of_a_model_lists_its_versions(reader: Client, record: Any, make_version: Any) -> None:
    second = make_version(2)
    fill(record)
    spool.append(record(version_id=second.pk))
    spool.ship_once()
    text = reader.get(reverse("dashboard-model", args=["toy"])).content.decode()
    assert "toy:1" in text
    assert "toy:2" in text


def test_the_page_of_a_model_shows_classes_confidences_errors_and_the_cache(reader: Client, record: Any) -> None:
    for number in range(12):
        spool.append(
            record(
                confidence=0.05 * number, output={"predictions": [("cat", "dog", "owl")[number % 3]]},
                outcome="cached" if number % 2 else "ok",
            )
        )  # fmt: skip
    failed = record(outcome="timeout", status_code=504, error_code="deadline_exceeded", output=None)
    spool.append(failed)
    spool.ship_once()
    text = reader.get(reverse("dashboard-model", args=["toy"])).content.decode()
    for title in ("Classes over time", "Confidence distribution", "Latency distribution", "Versions over time",
                  "From the cache", "Errors by code"):  # fmt: skip
        assert f"{title} <span" in text, title
    assert "cat 4, dog 4, owl 4" in text
    assert "deadline_exceeded" in text
    assert reverse("prediction", args=[failed["id"]]) in text


def test_numeric_answers_are_drawn_over_time(reader: Client, record: Any) -> None:
    for number in range(5):
        spool.append(record(confidence=None, output={"predictions": [100.0 + number]}))
    spool.ship_once()
    text = reader.get(reverse("dashboard-model", args=["toy"])).content.decode()
    assert "5 numeric answers, 102 on average" in text
    assert "Classes over time" not in text


def test_filters_choose_requests_and_addresses_keep_them(
    reader: Client, record: Any, make_version: Any, root: Any
) -> None:
    second = make_version(2)
    key = "6f1c2b0e-0000-4000-8000-000000000001"
    for _ in range(3):
        spool.append(record(outcome="error", error_code="boom"))
    spool.append(record(version_id=second.pk, key_id=key, user_id=root.pk))
    spool.append(record(version_id=second.pk, user_id=root.pk, outcome="cached"))
    spool.ship_once()

    def counted(**words: str) -> int:
        context = reader.get(reverse("dashboard-model", args=["toy"]), words).context
        return int(context["overview"].totals.requests)

    assert counted() == 5
    assert counted(version="2") == 2
    assert counted(version="3") == 0
    assert counted(outcome="error") == 3
    assert counted(outcome="failed") == 3
    assert counted(client=f"key:{key}") == 1
    assert counted(client=f"account:{root.pk}") == 2
    assert counted(client=f"login:{root.pk}") == 1
    assert counted(client=f"account:{root.pk}", outcome="cached", version="2") == 1
    assert counted(client=f"account:{root.pk}", version="1") == 0
    page = reader.get(reverse("dashboard-model", args=["toy"]), {"outcome": "error", "window": "day"})
    text = page.content.decode()
    assert "?window=day&amp;outcome=error&amp;version=1" in text, "the table's lines keep what is chosen"
    assert "not counted by client or outcome" in text


def test_a_span_that_has_passed_is_shown_and_not_refreshed(reader: Client, record: Any, settings: Any) -> None:
    settings.ROLLUP_MINUTE_DAYS = 0
    spool.append(record(at=1_714_560_000.0))
    spool.ship_once()
    words = {"from": "2024-05-01T10:00:00Z", "to": "2024-05-01T11:00:00+00:00"}
    page = reader.get(reverse("dashboard"), words)
    assert page.context["overview"].totals.requests == 1
    assert 'data-seconds="0"' in page.content.decode()
    assert (
        reader.get(reverse("dashboard"), words | {"to": "2024-05-01T10:30:00Z"}).context["overview"].totals.requests
        == 0
    )


@pytest.mark.parametrize(
    ("hours", "days_ago", "resolution"),
    [(2, 1, 60), (2, 20, 900), (2, 100, 3600), (2, 800, 86_400), (24, 1, 900), (24, 100, 3600), (24 * 7, 10, 3600),
     (24 * 30, 40, 86_400)],
)  # fmt: skip
def test_old_spans_are_shown_by_what_is_still_kept_of_them(hours: int, days_ago: int, resolution: int) -> None:
    now = timezone.now()
    since = now - timedelta(days=days_ago)
    span = spans.between(since, since + timedelta(hours=hours), now)
    assert span.resolution == resolution
    assert len(span.starts) <= 200
    assert span.since <= since < span.starts[0] + timedelta(seconds=resolution)
    assert span.until >= since + timedelta(hours=hours)


def test_the_fragment_is_the_page_without_its_shell(reader: Client, record: Any) -> None:
    fill(record)
    page = reader.get(reverse("dashboard")).content.decode()
    fragment = reader.get(reverse("dashboard"), {"fragment": "1"})
    text = fragment.content.decode()
    assert "<html" not in text
    assert "<svg" in text
    assert len(text) < len(page)
    assert "no-store" in fragment["Cache-Control"]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"window": "year"}, "no such window"),
        ({"from": "yesterday"}, "A moment reads"),
        ({"from": "2024-13-41T00:00:00Z"}, "A moment reads"),
        ({"from": "2024-05-02T00:00:00Z", "to": "2024-05-01T00:00:00Z"}, "begin before it ends"),
        ({"from": "2021-01-01T00:00:00Z"}, "at most 400 days"),
        ({"from": "2999-01-01T00:00:00Z"}, "begin before it ends"),
        ({"outcome": "excellent"}, "no such outcome"),
        ({"client": "key:1"}, "A key is named"),
        ({"client": "account:" + "9" * 40}, "A client is named"),
        ({"client": "<script>"}, "A client is named"),
        ({"version": "first"}, "by its number"),
        ({"version": "9" * 40}, "by its number"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_with_the_reason(
    reader: Client, toy_model: Any, parameters: dict[str, str], words: str
) -> None:
    for url in (reverse("dashboard"), reverse("dashboard-model", args=["toy"]), reverse("predictions")):
        answer = reader.get(url, parameters)
        assert answer.status_code == 400
        assert words in answer.content.decode()


def test_empty_words_of_a_form_mean_nothing(reader: Client) -> None:
    words = dict.fromkeys(("window", "from", "to", "version", "outcome", "client"), "")
    assert "in the last hour" in reader.get(reverse("dashboard"), words).content.decode()


def test_an_unknown_model_is_not_found(reader: Client) -> None:
    assert reader.get(reverse("dashboard-model", args=["nobody"])).status_code == 404


def test_only_people_with_the_permission_see_it(ada: Any, toy_model: Any) -> None:
    client = Client()
    for url in (reverse("dashboard"), reverse("dashboard-model", args=["toy"])):
        assert client.get(url).status_code == 302, "the login page"
    ada.is_staff = True
    ada.save()
    client.force_login(ada)
    for url in (reverse("dashboard"), reverse("dashboard-model", args=["toy"])):
        assert client.get(url).status_code == 403
    ada.user_permissions.add(Permission.objects.get(codename="view_predictionlog"))
    for url in (reverse("dashboard"), reverse("dashboard-model", args=["toy"])):
        assert client.get(url).status_code == 200


@pytest.mark.parametrize("url", ["/admin/dashboard", "/admin/dashboard/", "/admin/dashboard/toy/"])
def test_the_page_answers_with_and_without_a_slash(reader: Client, toy_model: Any, url: str) -> None:
    assert reader.get(url).status_code == 200


def test_the_number_of_queries_does_not_grow_with_models_and_records(
    reader: Client, record: Any, ada: Any, django_assert_max_num_queries: Any
) -> None:
    fill(record)
    reader.get(reverse("dashboard"))
    with django_assert_max_num_queries(100) as few:
        reader.get(reverse("dashboard"))
    for number in range(8):
        model = RegisteredModel.objects.create(name=f"model-{number}", task="regression", owner=ada)
        spool.append(record(model_id=model.pk, version_id=None))
        processes.register("host", number + 1)
    spool.ship_once()
    with django_assert_max_num_queries(len(few)):
        reader.get(reverse("dashboard"))


def test_markup_in_texts_is_shown_as_text(reader: Client, record: Any, toy_version: Any) -> None:
    attack = "</title></svg><script>alert(1)</script>{{ 7 }}"
    RegisteredModel.objects.update(description=attack)
    Deployment.objects.create(
        model=toy_version.model,
        version=toy_version,
        action="activate",
        by=toy_version.created_by,
        note=attack,
        activated_at=toy_version.created_at,
    )
    process = processes.register(attack, 1)
    processes.beat(process.pk, True, {"models": [{"model": attack, "version": 1}], "failed": {attack: "x"}})
    fill(record)
    spool.append(record(outcome="error", error_code=attack[:64], output={"predictions": [attack, f"2{attack}"]}))
    spool.ship_once()
    text = reader.get(reverse("dashboard-model", args=["toy"])).content.decode()
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(1)") >= 5


def test_the_page_holds_no_inline_script_and_no_foreign_source(reader: Client, record: Any) -> None:
    fill(record)
    fragment = reader.get(reverse("dashboard"), {"fragment": "1"}).content.decode()
    assert "<script" not in fragment
    assert not re.search(r"\son\w+=", fragment)
    assert not re.search(r"(src|href)=\"(https?:)?//", fragment)
    page = reader.get(reverse("dashboard")).content.decode()
    assert "monitoring/dashboard.js" in page
    assert finders.find("monitoring/dashboard.js")
    assert finders.find("monitoring/dashboard.css")
