"""The demo's models: how good they are, and that publishing them can be repeated."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from mlplatform.demo import publishing, training
from mlplatform.demo.publishing import Stage
from registry import services
from registry.models import ModelVersion, RegisteredModel, Status
from solutions import catalogue
from solutions import publishing as solutions_publishing
from solutions.trained import TrainedModel


def toy_recipe(artifact: bytes) -> TrainedModel:
    return TrainedModel(
        artifact=artifact,
        task="classification",
        description="A toy.",
        metrics={"accuracy": 1.0},
        sample=[[0.0, 1.0], [1.0, 0.0]],
        expected=["no", "yes"],
    )


@pytest.fixture
def toy_recipes(toy_file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every demo model is the toy classifier; there are no solutions."""
    monkeypatch.setattr(catalogue, "SOLUTIONS", {})
    artifact = toy_file.getvalue()
    monkeypatch.setattr(training, "RECIPES", dict.fromkeys(publishing.NAMES, lambda: toy_recipe(artifact)))


def test_there_is_a_recipe_for_every_demo_model() -> None:
    assert tuple(training.RECIPES) == publishing.NAMES


@pytest.mark.parametrize(
    ("name", "metric", "at_least"),
    [
        ("breast-cancer", "auc", 0.98),
        ("digits", "accuracy", 0.95),
        ("wine", "accuracy", 0.9),
        ("diabetes", "r2", 0.35),
    ],
)
def test_a_recipe_yields_a_model_that_is_good_on_rows_it_never_saw(name: str, metric: str, at_least: float) -> None:
    trained = training.RECIPES[name]()

    assert trained.metrics[metric] >= at_least
    assert settings.DRIFT_MIN_REFERENCE <= len(trained.sample) == len(trained.expected) <= training.MOST_SAMPLE_ROWS
    assert trained.artifact


def test_breast_cancer_has_named_columns_and_digits_has_none() -> None:
    assert isinstance(training.train_breast_cancer().sample[0], dict)
    assert isinstance(training.train_digits().sample[0], list)


def test_the_demo_needs_somebody_to_own_it(db: None) -> None:
    with pytest.raises(CommandError, match="createsuperuser"):
        call_command("demo")


def test_an_owner_who_does_not_exist_is_refused(root: Any) -> None:
    with pytest.raises(CommandError, match="There is no user"):
        call_command("demo", owner="nobody@example.org")


def test_without_waiting_the_models_are_only_uploaded(root: Any, toy_recipes: None) -> None:
    call_command("demo", wait=False)

    assert {publishing.stage_of(name)[0] for name in publishing.NAMES} == {Stage.WAITING}
    assert not publishing.is_complete()


def test_a_second_run_uploads_nothing(root: Any, toy_recipes: None) -> None:
    call_command("demo", wait=False)
    call_command("demo", wait=False)

    assert ModelVersion.objects.count() == len(publishing.NAMES)


def test_a_model_whose_only_version_failed_is_uploaded_again(root: Any, toy_recipes: None) -> None:
    call_command("demo", wait=False)
    ModelVersion.objects.filter(model__name="wine").update(status=Status.FAILED, failure={"code": "x", "message": "x"})

    call_command("demo", wait=False)

    assert ModelVersion.objects.filter(model__name="wine").count() == 2
    assert ModelVersion.objects.filter(model__name="digits").count() == 1


def test_a_persons_own_model_of_that_name_is_left_alone(root: Any, ada: Any, toy_file: Any, toy_recipes: None) -> None:
    services.upload_version(by=ada, name="wine", file=toy_file)

    call_command("demo", wait=False)

    assert publishing.stage_of("wine") == (Stage.DONE, None)
    assert ModelVersion.objects.filter(model__name="wine").count() == 1


def test_an_archived_demo_model_stays_archived(root: Any, toy_recipes: None) -> None:
    call_command("demo", wait=False)
    services.archive_model(model=RegisteredModel.objects.get(name="wine"), by=root)

    call_command("demo", wait=False)

    assert publishing.stage_of("wine")[0] is Stage.DONE
    assert ModelVersion.objects.filter(model__name="wine").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_demo_validates_and_activates_without_a_job_runner(
    root: Any, toy_recipes: None, kept_verdicts: None, capsys: Any
) -> None:
    call_command("demo")

    assert publishing.is_complete()
    assert RegisteredModel.objects.filter(deployments__closed_at=None, deployments__isnull=False).count() == len(
        publishing.NAMES
    )
    assert "ready and live" in capsys.readouterr().out


def test_a_version_that_fails_is_reported_with_its_reason(root: Any, toy_file: Any, var_dir: Path) -> None:
    version = publishing.upload(by=root, name="wine", trained=toy_recipe(toy_file.getvalue()))
    ModelVersion.objects.filter(pk=version.pk).update(
        status=Status.FAILED, failure={"code": "parity", "message": "It differs."}
    )
    lines: list[str] = []

    problems = publishing.finish(
        by=root, versions=[version], report=lambda name, line: lines.append(line), timeout_seconds=5
    )

    assert problems == ["wine:1: It differs."]
    assert lines == ["failed: It differs."]


def test_waiting_for_a_verdict_has_an_end(root: Any, toy_file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solutions_publishing.inference_jobs, "validate_next", lambda: False)
    version = publishing.upload(by=root, name="wine", trained=toy_recipe(toy_file.getvalue()))

    problems = publishing.finish(by=root, versions=[version], report=lambda *_: None, timeout_seconds=0.3)

    assert problems == ["wine:1 was not validated within 0 s."]


def test_a_demo_that_is_stopped_says_how_to_go_on(
    root: Any, toy_recipes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_stopped() -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return False

    monkeypatch.setattr(solutions_publishing.inference_jobs, "validate_next", be_stopped)

    with pytest.raises(CommandError, match="run it again"):
        call_command("demo")
