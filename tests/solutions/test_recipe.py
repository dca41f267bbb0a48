"""CONTRIBUTING's recipe "add a solution", followed: a sixth one in under a hundred lines, from training to its page."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

import mlplatform.urls  # noqa: F401 # before the catalogue is another: the platform's addresses are made once
from accounts.principal import principal_for
from registry.models import ModelVersion, RegisteredModel
from solutions import catalogue
from solutions.errors import NotTrained
from tests.solutions.greetings import services

FOLDER = Path(__file__).parent / "greetings"


@pytest.fixture
def greetings(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(catalogue, "SOLUTIONS", {"greetings": "tests.solutions.greetings"})
    settings.ROOT_URLCONF = "tests.solutions.urls_with_greetings"


@pytest.fixture
def trained(greetings: None, root: Any, transactional_db: None) -> ModelVersion:
    call_command("train", "greetings", activate=True)
    return ModelVersion.objects.get(model__name="greetings")


def ask(person: Any, path: str, body: dict[str, Any]) -> Any:
    from accounts import tokens

    access = tokens.issue(person).access
    return Client().post(path, body, content_type="application/json", headers={"Authorization": f"Bearer {access}"})


def test_it_has_under_a_hundred_lines_of_code() -> None:
    lines = [line for file in FOLDER.glob("*.py") for line in file.read_text().splitlines() if line.strip()]

    assert len(lines) < 100


def test_every_room_is_there() -> None:
    assert {"training", "services", "serializers", "views", "urls", "page"} <= {
        file.stem for file in FOLDER.glob("*.py")
    }
    assert (FOLDER / "card.md").exists()


def test_it_is_trained_uploaded_proved_and_live_by_one_command(trained: ModelVersion) -> None:
    assert trained.model.open_deployment().version == trained
    assert trained.runtime == "linear_text"
    assert trained.model.visibility == "internal"
    assert {(one["name"], one["dataset"]) for one in trained.metrics} == {
        ("accuracy", "held out"),
        ("accuracy", "held out, 2.5 %"),
        ("accuracy", "held out, 97.5 %"),
        ("accuracy", "held out, majority class"),
    }
    assert trained.golden["predictions"][:2] == ["formal", "formal"]


def test_the_command_tells_its_story_without_lines_of_the_log(
    greetings: None, root: Any, transactional_db: None
) -> None:
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        call_command("train", "greetings", activate=True)
        logging.getLogger("inference").info("afterwards")
    finally:
        logging.getLogger().removeHandler(handler)

    assert logged == ["afterwards"]


def test_the_versions_notes_are_the_model_card(trained: ModelVersion) -> None:
    assert trained.notes.startswith("# Greetings")
    assert "| accuracy | held out |" in trained.notes


@pytest.mark.parametrize("slash", ["", "/"])
def test_anybody_signed_in_can_ask_it_with_and_without_a_slash(trained: ModelVersion, ada: Any, slash: str) -> None:
    answer = ask(ada, f"/predict/greeting{slash}", {"text": "hey sir buddy buddy"})

    assert answer.status_code == 200
    assert answer.json() == {"manner": "casual", "version": 1}


def test_an_unknown_field_is_refused(trained: ModelVersion, ada: Any) -> None:
    answer = ask(ada, "/predict/greeting", {"text": "hi", "tone": "x"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unknown_field")


def test_before_its_training_a_call_says_how_to_train_it(greetings: None, ada: Any) -> None:
    answer = ask(ada, "/predict/greeting", {"text": "hi"})

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "no_active_version"
    assert "manage.py train greetings" in answer.json()["error"]["message"]


def test_a_key_for_other_models_is_told_the_same_as_if_it_were_not_trained(trained: ModelVersion, ada: Any) -> None:
    principal = principal_for(ada, model_names=["something-else"])

    with pytest.raises(NotTrained):
        services.judge(text="hi", by=principal, request_id="r")


def test_its_page_asks_it_and_shows_figures_and_card(trained: ModelVersion, root: Any, client: Client) -> None:
    client.force_login(root)

    page = client.post("/admin/solution/greetings/", {"text": "dear sir"}).content.decode()

    assert "data-answer>formal<" in page
    assert "Version 1 live" in page
    assert "majority class" in page
    assert "it knows ten greetings" in page
    assert "/predict/greeting" in page


def test_a_wrong_form_asks_nothing(trained: ModelVersion, root: Any, client: Client) -> None:
    client.force_login(root)

    page = client.post("/admin/solution/greetings/", {"text": ""}).content.decode()

    assert "Nothing was asked" in page


def test_before_its_training_the_page_says_what_to_do(greetings: None, root: Any, client: Client) -> None:
    client.force_login(root)

    page = client.get("/admin/solution/greetings/").content.decode()
    listed = client.get("/admin/solution/").content.decode()
    asked = client.post("/admin/solution/greetings/", {"text": "hi"}).content.decode()

    assert "manage.py train greetings --activate" in page
    assert "Not trained" in listed
    assert "No version of greetings is live" in asked


def test_a_solution_that_does_not_exist_has_no_page(greetings: None, root: Any, client: Client) -> None:
    client.force_login(root)

    assert client.get("/admin/solution/nothing/").status_code == 404


def test_the_same_seed_yields_the_same_figures_and_card(greetings: None, tmp_path: Path, capsys: Any) -> None:
    for name in ("one", "two"):
        call_command("train", "greetings", seed=7, output=tmp_path / name)

    assert json.loads((tmp_path / "one" / "greetings.figures.json").read_text())["seed"] == 7
    for file in ("greetings.figures.json", "greetings.card.md"):
        assert (tmp_path / "one" / file).read_text() == (tmp_path / "two" / file).read_text()


def test_the_figures_go_between_the_marks_of_a_page(greetings: None, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n")

    call_command("train", "greetings", page=page)

    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| accuracy | held out |" in text


def test_training_alone_registers_nothing(greetings: None, db: None) -> None:
    call_command("train", "greetings")

    assert not RegisteredModel.objects.exists()


def test_a_solution_that_does_not_exist_cannot_be_trained() -> None:
    with pytest.raises(CommandError):
        call_command("train", "nothing")
