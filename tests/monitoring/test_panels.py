"""Panels: what other rooms put on monitoring's pages, and what happens when one breaks."""

import logging
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse

from monitoring import panels
from monitoring.panels import Panel

pytestmark = pytest.mark.django_db
TEMPLATE = "monitoring/_panel_of_a_test.html"


@pytest.fixture(autouse=True)
def no_other_panels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "_panels", {page: {} for page in panels._panels})


@pytest.fixture
def reader(root: Any, settings: Any, tmp_path: Any) -> Client:
    """Somebody who may read everything, and a template that says `<b>{{ word }}</b>`."""
    folder = tmp_path / "monitoring"
    folder.mkdir()
    (folder / "_panel_of_a_test.html").write_text("<b>{{ word }}</b>{% if broken %}{% include broken %}{% endif %}")
    first = dict(settings.TEMPLATES[0])
    settings.TEMPLATES = [first | {"DIRS": [*first["DIRS"], tmp_path]}]
    client = Client()
    client.force_login(root)
    return client


def panel(title: str, order: int = 100, **context: Any) -> Panel:
    return Panel(title, TEMPLATE, lambda request, subject: context or None, order=order)


def test_the_overview_and_a_model_show_their_own_panels(reader: Client, toy_model: Any) -> None:
    panels.register("overview", panel("Of the platform", word="everything"))
    panels.register("model", Panel("Of a model", TEMPLATE, lambda request, model: {"word": f"about {model.name}"}))
    overview = reader.get(reverse("dashboard")).content.decode()
    model = reader.get(reverse("dashboard-model", args=["toy"]), {"fragment": "1"}).content.decode()
    assert "<b>everything</b>" in overview
    assert "Of a model" not in overview
    assert "<b>about toy</b>" in model
    assert "Of the platform" not in model


def test_panels_stand_in_their_order_and_one_without_anything_to_show_stays_away(reader: Client) -> None:
    for made in (panel("Last", 30, word="3"), panel("First", 10, word="1"), panel("Nothing", 20)):
        panels.register("overview", made)
    page = reader.get(reverse("dashboard")).content.decode()
    assert page.index("<h2>First</h2>") < page.index("<h2>Last</h2>")
    assert "<h2>Nothing</h2>" not in page


@pytest.mark.parametrize("context", ["raises", "template"])
def test_a_panel_that_breaks_is_shown_as_unreadable_and_the_page_stands(
    reader: Client, caplog: pytest.LogCaptureFixture, context: str
) -> None:
    def read(request: Any, subject: Any) -> dict[str, Any]:
        if context == "raises":
            raise DatabaseError("no such table: <b>secrets</b>")
        return {"word": "half", "broken": "nowhere.html"}

    panels.register("overview", Panel("Broken", TEMPLATE, read, order=1))
    panels.register("overview", panel("Whole", 2, word="still here"))
    with caplog.at_level(logging.ERROR, "monitoring.panels"):
        answer = reader.get(reverse("dashboard"))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "could not be read" in text
    assert "secrets" not in text
    assert "half" not in text
    assert "<b>still here</b>" in text
    assert [record.getMessage() for record in caplog.records if "could not be read" in record.getMessage()] == [
        "The panel 'Broken' of the page overview could not be read"
    ]


def test_what_a_panel_says_is_escaped(reader: Client) -> None:
    panels.register("overview", panel("<script>", word="<img src=x onerror=alert(1)>"))
    text = reader.get(reverse("dashboard")).content.decode()
    assert "<img src=x" not in text
    assert "<h2>&lt;script&gt;</h2>" in text


def test_a_page_that_does_not_exist_and_a_title_that_is_taken_are_refused() -> None:
    with pytest.raises(ValueError, match="no page 'nowhere'"):
        panels.register("nowhere", panel("Some"))  # type: ignore[arg-type]
    panels.register("model", panel("Drift"))
    panels.register("prediction", panel("Drift"))
    with pytest.raises(ValueError, match="already"):
        panels.register("model", panel("Drift"))
