"""The dashboard's pages: who sees them, what they say, what they cost."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from monitoring import processes, spool
from monitoring.spool.writer import writer
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


@pytest.mark.parametrize("window", ["hour", "day", "week"])
def test_the_dashboard_shows_numbers_charts_and_the_same_numbers_as_text(
    reader: Client, record: Any, window: str
) -> None:
    fill(record)
    text = reader.get(reverse("dashboard"), {"window": window}).content.decode()
    assert text.count("<svg") >= 3
    assert text.count('<path class="m-fill-') == 5
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


def test_the_fragment_is_the_page_without_its_shell(reader: Client, record: Any) -> None:
    fill(record)
    page = reader.get(reverse("dashboard")).content.decode()
    fragment = reader.get(reverse("dashboard"), {"fragment": "1"})
    text = fragment.content.decode()
    assert "<html" not in text
    assert "<svg" in text
    assert len(text) < len(page)
    assert "no-store" in fragment["Cache-Control"]


@pytest.mark.parametrize("parameters", [{"window": "year"}, {"window": ""}])
def test_an_unknown_window_is_not_found(reader: Client, parameters: dict[str, str]) -> None:
    assert reader.get(reverse("dashboard"), parameters).status_code == 404


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


def test_processes_and_backlog_are_at_the_bottom(reader: Client, record: Any) -> None:
    process = processes.register("machine", 4711)
    loaded = [{"model": "toy", "version": 1}]
    facts = {"models": loaded, "failed": {"bad:2": "no file"}, "rss_bytes": 50 * 1024**2}
    processes.beat(process.pk, True, facts)
    spool.append(record(input="x" * 5000))
    text = reader.get(reverse("dashboard")).content.decode()
    for piece in (
        "machine · 4711",
        "ready",
        "toy:1",
        "bad:2 can",
        "50.0\xa0MB",
        "wait to be loaded",
    ):
        assert piece in text
    spool.ship_once()
    writer.let_go()
    spool.take_over()
    assert "No record waits to be loaded" in reader.get(reverse("dashboard")).content.decode()


@pytest.mark.parametrize("facts", [{}, {"models": []}])
def test_a_process_that_has_not_said_much_is_listed_too(reader: Client, facts: dict[str, Any]) -> None:
    process = processes.register("machine", 1)
    processes.beat(process.pk, False, facts)
    assert "loading" in reader.get(reverse("dashboard")).content.decode()
