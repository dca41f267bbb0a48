"""Trainings in the background: asked for, run in a process of their own, cancelled, interrupted and gone on with."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.utils import timezone

import mlplatform.urls  # noqa: F401 # before the catalogue is another: the platform's addresses are made once
from accounts.models import AuditEvent
from registry import own_process
from registry.models import ModelVersion
from solutions import catalogue
from solutions.errors import NotAllowed, SolutionError, StateForbids, ValueInvalid
from solutions.runs import child, job, services
from solutions.runs.models import RunStatus, TrainingRun
from tests.solutions.greetings import training
from tests.standing_in import stand_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def greetings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "SOLUTIONS", {"greetings": "tests.solutions.greetings"})


def fresh(run: TrainingRun) -> TrainingRun:
    return TrainingRun.objects.get(pk=run.pk)


def test_a_training_that_was_asked_for_is_run_uploaded_and_made_live(ada: Any) -> None:
    run = services.ask(solution="greetings", by=ada, seed=7, activate=True)

    assert child.run_next()

    run = fresh(run)
    version = ModelVersion.objects.get(pk=run.versions["greetings"])
    assert (run.status, run.failure) == (RunStatus.DONE, "")
    assert version.deployments.filter(closed_at=None).exists()
    assert version.created_by == ada
    assert "seed 7" in version.tags
    assert not services.folder_of(run).exists()
    assert AuditEvent.objects.filter(action="training.asked").count() == 1
    assert not child.run_next()


def test_without_activation_it_waits_for_the_verdict_and_changes_nothing_that_is_live(ada: Any) -> None:
    run = services.ask(solution="greetings", by=ada)

    child.run_next()

    version = ModelVersion.objects.get(pk=fresh(run).versions["greetings"])
    assert version.status == "ready"
    assert not version.deployments.exists()


def test_one_solution_is_trained_once_at_a_time(ada: Any, root: Any) -> None:
    services.ask(solution="greetings", by=ada)

    with pytest.raises(StateForbids) as caught:
        services.ask(solution="greetings", by=root)

    assert caught.value.code == "training_in_progress"


def test_who_may_not_upload_or_has_not_the_model_may_not_train(ada: Any, bob: Any, db: None) -> None:
    from tests.conftest import make_user

    with pytest.raises(NotAllowed):
        services.ask(solution="greetings", by=make_user("eve@example.org"))
    services.ask(solution="greetings", by=ada)
    child.run_next()
    with pytest.raises(NotAllowed):
        services.ask(solution="greetings", by=bob)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(ada: Any, seed: int) -> None:
    with pytest.raises(ValueInvalid):
        services.ask(solution="greetings", by=ada, seed=seed)


def test_a_waiting_training_is_cancelled_at_once_and_never_run(ada: Any, bob: Any) -> None:
    run = services.ask(solution="greetings", by=ada)
    with pytest.raises(NotAllowed):
        services.cancel(run=run, by=bob)

    services.cancel(run=run, by=ada)

    assert fresh(run).status == RunStatus.CANCELLED
    assert not child.run_next()
    with pytest.raises(StateForbids):
        services.cancel(run=run, by=ada)


def test_a_running_training_is_cancelled_also_in_the_background_of_a_script(
    ada: Any, monkeypatch: pytest.MonkeyPatch, in_the_background: None
) -> None:
    run = services.ask(solution="greetings", by=ada)
    begun = threading.Event()

    def endless(work: Any) -> Any:
        work.kept("step", lambda: b"1")
        begun.set()
        while True:
            time.sleep(0.05)

    def cancel_once_begun() -> None:
        begun.wait()
        services.cancel(run=run, by=ada)
        connection.close()

    monkeypatch.setattr(training, "train", endless)
    canceller = threading.Thread(target=cancel_once_begun, daemon=True)
    canceller.start()

    assert child.run_next()

    canceller.join()
    assert fresh(run).status == RunStatus.CANCELLED
    assert not services.folder_of(run).exists()
    assert not ModelVersion.objects.exists()


def test_an_interrupted_training_goes_on_behind_its_last_step(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = services.ask(solution="greetings", by=ada)
    made: list[str] = []
    real = training.train

    def in_steps(work: Any) -> Any:
        work.kept("first", lambda: (made.append("first"), b"1")[1])
        if len(made) == 1 and not (services.folder_of(run) / "second").exists():
            work.kept("second", lambda: b"2")
            os.kill(os.getpid(), signal.SIGINT)
        return real(work)

    monkeypatch.setattr(training, "train", in_steps)
    with pytest.raises(KeyboardInterrupt):
        child.run_next()
    assert (fresh(run).status, fresh(run).lease_until, fresh(run).attempts) == (RunStatus.RUNNING, None, 0)

    assert child.run_next()

    assert fresh(run).status == RunStatus.DONE
    assert made == ["first"]


def test_a_training_that_another_process_took_over_is_dropped(
    ada: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    run = services.ask(solution="greetings", by=ada)
    monkeypatch.setattr(own_process, "_LOOK_EVERY_SECONDS", 0.01)
    settings.JOB_LEASE_SECONDS = 0.3  # renewed so often that the loss is soon noticed

    def endless(work: Any) -> Any:
        TrainingRun.objects.update(lease_token="00000000-0000-0000-0000-000000000000")
        while True:
            time.sleep(0.05)

    monkeypatch.setattr(training, "train", endless)

    assert child.run_next()

    assert fresh(run).status == RunStatus.RUNNING  # as the other process has it
    assert not ModelVersion.objects.exists()


def test_what_was_uploaded_before_a_stop_is_not_uploaded_again(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = services.ask(solution="greetings", by=ada)
    monkeypatch.setattr(child, "_settle", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        child.run_next()
    monkeypatch.undo()
    monkeypatch.setattr(catalogue, "SOLUTIONS", {"greetings": "tests.solutions.greetings"})

    child.run_next()

    assert fresh(run).status == RunStatus.DONE
    assert ModelVersion.objects.count() == 1


def test_a_training_whose_process_was_killed_is_taken_up_when_its_claim_runs_out(ada: Any) -> None:
    run = services.ask(solution="greetings", by=ada)
    claimed = services.claim()
    assert claimed == run
    assert not services.is_one_due()

    TrainingRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    assert services.is_one_due()
    child.run_next()
    assert fresh(run).status == RunStatus.DONE


def test_one_that_kills_its_processes_is_given_up_with_a_reason(ada: Any, settings: Any) -> None:
    run = services.ask(solution="greetings", by=ada)
    for _ in range(settings.JOB_MAX_ATTEMPTS):
        assert services.claim() is not None
        TrainingRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    assert services.claim() is None
    assert fresh(run).status == RunStatus.FAILED
    assert "died" in fresh(run).failure


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SolutionError("It lacks a library."), "It lacks a library."),
        (ZeroDivisionError("division"), "ZeroDivisionError"),
    ],
)
def test_a_training_that_fails_says_why(ada: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str) -> None:
    run = services.ask(solution="greetings", by=ada)

    def fail(work: Any) -> Any:
        raise error

    monkeypatch.setattr(training, "train", fail)
    child.run_next()

    assert fresh(run).status == RunStatus.FAILED
    assert told in fresh(run).failure


def test_the_job_starts_one_process_for_what_waits_and_sees_it_end(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    def start(command: list[str], **options: Any) -> Any:
        started.append(command)
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], **options)

    stand_in(monkeypatch, own_process, "subprocess", Popen=start)
    children = own_process.Children("runtraining")
    monkeypatch.setattr(job, "_children", children)
    assert not job.tend()
    services.ask(solution="greetings", by=ada)

    assert job.tend()
    assert not job.tend(), "one at a time"
    children._running[0].kill()
    children._running[0].wait(timeout=60)
    assert job.tend()

    assert started == [[sys.executable, str(django_settings.BASE_DIR / "manage.py"), "runtraining"]]
    assert Path(started[0][1]).exists()


def test_the_page_asks_for_a_training_shows_it_and_cancels_it(root: Any, client: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.solutions.urls_with_greetings"
    client.force_login(root)
    assert "never trained" in client.get("/admin/solution/greetings/").content.decode()

    asked = client.post("/admin/solution/greetings/train/", {"seed": "5", "activate": "on"}, follow=True)
    run = TrainingRun.objects.get()

    assert (run.seed, run.activate, run.by) == (5, True, root)
    assert "Waiting" in asked.content.decode()
    assert "data-training" in asked.content.decode()
    again = client.post("/admin/solution/greetings/train/", {"seed": "5"}, follow=True)
    assert "is being trained already" in again.content.decode()
    cancelled = client.post(f"/admin/training/{run.pk}/cancel/", follow=True)
    assert "Cancelled" in cancelled.content.decode()
    wrong = client.post("/admin/solution/greetings/train/", {"seed": "x"}, follow=True)
    assert "Nothing was started" in wrong.content.decode()
    assert TrainingRun.objects.count() == 1
