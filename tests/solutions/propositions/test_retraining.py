"""Retraining: asked for, done by any runner, proposed, decided by a person."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from registry import services
from registry.errors import Forbidden
from registry.models import ModelVersion
from solutions.errors import ExtraMissing, ValueInvalid
from solutions.propositions import evaluation, learners, stocking
from solutions.propositions.errors import RetrainingEnded, RetrainingRuns, TooFewInteractions
from solutions.propositions.features.columns import COLUMNS
from solutions.propositions.models import Interaction, Proposition, Retraining, RunStatus
from solutions.propositions.retraining import judging, requests, running, schedule, steps
from tests.solutions.propositions.conftest import ranking


@pytest.fixture(scope="module")
def street() -> Any:
    """Some weeks of a simulated shop: over a thousand impressions and a hundred clicks."""
    return stocking.past(seed=4, users=60, days=24)


@pytest.fixture
def stocked(root: Any, street: Any, monkeypatch: Any) -> None:
    """A platform with that past. Ranges are drawn quickly, as nothing here is about their ends."""
    stocking.write(by=root, street=street)
    monkeypatch.setattr(evaluation, "ROUNDS", 20)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Learning yields a model of these weights at once, and its version is ready without a sandbox."""

    def make(weights: dict[str, float]) -> None:
        content, signature = ranking(weights)

        def fitted(kind: str, examples: Any, *, seed: int) -> Any:
            return _Fitted(weights)

        def upload(**facts: Any) -> ModelVersion:
            version = services.upload_version(by=facts["by"], name="propositions", file=_file(content))
            claimed = services.claim_for_validation(seconds=60, max_attempts=3)
            found = {"runtime": "onnx", "signature": signature, "golden": None, "memory_bytes": 10_000}
            services.mark_ready(version=claimed, task="classification", handler="tabular", compiled=None, **found)
            return version

        monkeypatch.setattr(learners, "fitted", fitted)
        monkeypatch.setattr(steps.publishing, "upload", upload)

    return make


class _Fitted:
    classes_ = [0, 1]

    def __init__(self, weights: dict[str, float]) -> None:
        self.weights = weights

    def predict_proba(self, rows: Any) -> Any:
        import numpy as np

        margin = sum(weight * rows[name].to_numpy(float) for name, weight in self.weights.items())
        yes = 1.0 / (1.0 + np.exp(-margin))
        return np.column_stack([1.0 - yes, yes])

    def predict(self, rows: Any) -> Any:
        return (self.predict_proba(rows)[:, 1] > 0.5).astype(int)


def _file(content: bytes) -> Any:
    import io

    return io.BytesIO(content)


def drive(run: Retraining) -> Retraining:
    """Run the job until it has ended."""
    for _ in range(20):
        Retraining.objects.update(not_before=None)
        running.run_next()
        run.refresh_from_db()
        if run.ended_at:
            return run
    raise AssertionError(run.status)


GOOD = {"category_lift": 1.0, "item_click_rate": 10.0}
BAD = {"category_lift": -1.0, "item_click_rate": -10.0}


def test_a_better_version_is_proposed_and_nothing_goes_live_by_itself(
    stocked: None, live_ranking: Any, quick: Any, root: Any
) -> None:
    live = live_ranking(BAD)
    quick(GOOD)

    run = drive(requests.ask(by=root))

    assert run.status == RunStatus.PROPOSED
    assert (run.version.number, run.compared_with.number) == (2, 1)
    assert run.comparison["new"]["auc"] > run.comparison["live"]["auc"]
    assert run.comparison["difference"]["auc"]["low"] > 0
    assert live.model.open_deployment().version == live


def test_a_person_makes_the_proposed_version_live(stocked: None, live_ranking: Any, quick: Any, root: Any) -> None:
    live = live_ranking(BAD)
    quick(GOOD)
    run = drive(requests.ask(by=root))

    done = requests.accept(by=root, run=run)

    assert (done.status, done.decided_by) == (RunStatus.ACTIVATED, root)
    assert live.model.open_deployment().version == run.version
    with pytest.raises(RetrainingEnded):
        requests.decline(by=root, run=done)


def test_a_declined_version_stays_where_it_is(stocked: None, live_ranking: Any, quick: Any, root: Any) -> None:
    live = live_ranking(BAD)
    quick(GOOD)
    run = drive(requests.ask(by=root))

    assert requests.decline(by=root, run=run, note="Not now.").status == RunStatus.DECLINED
    assert live.model.open_deployment().version == live


def test_a_worse_version_is_not_proposed_even_where_proposals_go_live(
    stocked: None, live_ranking: Any, quick: Any, root: Any, settings: Any
) -> None:
    settings.PROPOSITIONS_ACTIVATE = True
    live = live_ranking(GOOD)
    quick(BAD)

    run = drive(requests.ask(by=root))

    assert run.status == RunStatus.NOT_BETTER
    assert "AUC differs by -" in run.reason
    assert live.model.open_deployment().version == live


def test_where_the_setting_says_so_a_better_version_goes_live(
    stocked: None, live_ranking: Any, quick: Any, root: Any, settings: Any
) -> None:
    settings.PROPOSITIONS_ACTIVATE = True
    live = live_ranking(BAD)
    quick(GOOD)

    run = drive(requests.ask(by=root))

    assert run.status == RunStatus.ACTIVATED
    assert live.model.open_deployment().version == run.version


def test_without_a_live_version_it_is_compared_with_the_rules(stocked: None, quick: Any, root: Any) -> None:
    quick(BAD)

    run = drive(requests.ask(by=root))

    assert (run.status, run.comparison["with"]) == (RunStatus.NOT_BETTER, "rules")


def test_a_runner_that_died_while_training_is_followed_by_another(stocked: None, quick: Any, root: Any) -> None:
    quick(GOOD)
    run = requests.ask(by=root)
    waiting = Retraining.objects.filter(status=RunStatus.QUEUED)
    dead = Retraining.claim_one(waiting, seconds=60, status=RunStatus.RUNNING)
    assert dead is not None
    assert running.run_next() is False  # the claim holds
    Retraining.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    run = drive(run)

    assert run.ended_at is not None
    assert run.version.number == 1
    assert ModelVersion.objects.count() == 1


def test_a_runner_that_was_given_up_for_dead_writes_nothing(stocked: None, quick: Any, root: Any) -> None:
    from registry.leases import LeaseLost
    from solutions.propositions.retraining.ending import Progress

    requests.ask(by=root)
    slow = Retraining.claim_one(Retraining.objects.all(), seconds=0)
    assert slow is not None
    assert Retraining.claim_one(Retraining.objects.all(), seconds=60) is not None

    with pytest.raises(LeaseLost):
        Progress(slow, threading.Event()).tell("late", 0.5)
    assert not Retraining.objects.get().progress


def test_a_runner_that_died_behind_the_upload_is_not_followed_by_a_second_upload(
    stocked: None, quick: Any, root: Any, monkeypatch: Any
) -> None:
    quick(GOOD)
    run = requests.ask(by=root)
    release = Retraining.release

    def die(self: Retraining, **changes: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Retraining, "release", die)
    with pytest.raises(KeyboardInterrupt):
        running.run_next()
    assert ModelVersion.objects.count() == 1
    monkeypatch.setattr(Retraining, "release", release)
    content = ranking(GOOD)[0]
    monkeypatch.setattr(steps.training, "saved", lambda estimator: content)
    Retraining.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    run = drive(run)

    assert run.version.number == 1
    assert ModelVersion.objects.count() == 1


def test_an_interrupted_runner_gives_its_claim_back(stocked: None, root: Any, monkeypatch: Any) -> None:
    requests.ask(by=root)

    def interrupted(*args: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(learners, "fitted", interrupted)
    with pytest.raises(KeyboardInterrupt):
        running.run_next()

    run = Retraining.objects.get()
    assert (run.status, run.lease_until, run.attempts) == (RunStatus.QUEUED, None, 0)


def test_after_three_attempts_that_died_it_is_given_up(stocked: None, root: Any, settings: Any) -> None:
    run = requests.ask(by=root)
    Retraining.objects.update(attempts=settings.JOB_MAX_ATTEMPTS)

    assert drive(run).status == RunStatus.FAILED


def test_what_stumbles_is_tried_again_later(stocked: None, root: Any, monkeypatch: Any) -> None:
    requests.ask(by=root)

    def stumble(*args: Any, **options: Any) -> Any:
        raise OSError("the disk is full")

    monkeypatch.setattr(learners, "fitted", stumble)
    assert running.run_next() is True

    run = Retraining.objects.get()
    assert (run.status, run.attempts) == (RunStatus.QUEUED, 1)
    assert run.not_before > timezone.now()


def test_a_version_that_fails_its_validation_ends_the_retraining(stocked: None, root: Any, monkeypatch: Any) -> None:
    run = requests.ask(by=root)
    version = services.upload_version(by=root, name="propositions", file=_file(ranking(GOOD)[0]))
    claimed = services.claim_for_validation(seconds=60, max_attempts=3)
    services.mark_failed(version=claimed, code="refused", message="It is broken.", field=None, report=None)
    Retraining.objects.update(version=version, status=RunStatus.WAITING)

    run = drive(run)

    assert run.status == RunStatus.FAILED
    assert "It is broken." in run.reason


def test_a_waiting_retraining_waits_without_being_held_against_it(stocked: None, root: Any) -> None:
    requests.ask(by=root)
    version = services.upload_version(by=root, name="propositions", file=_file(ranking(GOOD)[0]))
    Retraining.objects.update(version=version, status=RunStatus.WAITING)

    assert running.run_next() is False

    run = Retraining.objects.get()
    assert (run.status, run.attempts) == (RunStatus.WAITING, 0)


def test_it_is_cancelled_at_once_while_it_waits(stocked: None, root: Any) -> None:
    run = requests.cancel(by=root, run=requests.ask(by=root))

    assert run.status == RunStatus.CANCELLED
    assert running.run_next() is False


def test_it_is_cancelled_at_the_next_step_while_it_runs(stocked: None, quick: Any, root: Any, monkeypatch: Any) -> None:
    quick(GOOD)
    run = requests.ask(by=root)
    fitted = learners.fitted

    def fit_and_cancel(*args: Any, **options: Any) -> Any:
        requests.cancel(by=root, run=run)
        return fitted(*args, **options)

    monkeypatch.setattr(learners, "fitted", fit_and_cancel)
    running.run_next()

    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED
    assert not ModelVersion.objects.exists()
    with pytest.raises(RetrainingEnded):
        requests.cancel(by=root, run=run)


def test_one_runs_at_a_time(stocked: None, root: Any) -> None:
    requests.ask(by=root)

    with pytest.raises(RetrainingRuns):
        requests.ask(by=root)


def test_with_too_little_to_learn_from_it_is_refused(shop: Any, root: Any) -> None:
    with pytest.raises(TooFewInteractions, match="0 impressions"):
        requests.ask(by=root)


def test_an_unknown_kind_and_a_missing_extra_are_refused(stocked: None, root: Any, monkeypatch: Any) -> None:
    with pytest.raises(ValueInvalid):
        requests.ask(by=root, kind="magic")

    def missing(module: str, *, extra: str) -> None:
        raise ExtraMissing(f"install the extra {extra}")

    monkeypatch.setattr(requests, "needs", missing)
    with pytest.raises(ExtraMissing):
        requests.ask(by=root, kind="xgboost")


def test_only_who_may_add_a_version_may_retrain(stocked: None, live_ranking: Any, ada: Any) -> None:
    live_ranking(GOOD)

    with pytest.raises(Forbidden):
        requests.ask(by=ada)


def test_clicks_all_on_one_side_of_the_parting_are_too_few(shop: Any, root: Any, did: Any) -> None:
    for hours in range(2, 40):
        did("u", "impression", shop[0], hours=hours)
    did("u", "click", shop[0], hours=1.9)
    from solutions.propositions import logbook

    with pytest.raises(TooFewInteractions):
        judging.parted(logbook.examples(until=timezone.now()))


# -- The schedule -------------------------------------------------------------------------------------


@pytest.fixture
def long_ago(stocked: None, live_ranking: Any) -> None:
    """The live version was uploaded before everything that was logged."""
    version = live_ranking(GOOD)
    then = Interaction.objects.order_by("recorded_at").first().recorded_at - timedelta(days=1)
    ModelVersion.objects.filter(pk=version.pk).update(created_at=then)
    type(version.model).objects.update(created_at=then)


def test_the_schedule_asks_when_enough_is_new(long_ago: None, root: Any) -> None:
    assert schedule.ask_if_due() is True

    run = Retraining.objects.get()
    assert (run.is_scheduled, run.requested_by, run.kind) == (True, root, learners.USUAL)
    assert schedule.ask_if_due() is False  # one is under way


@pytest.mark.parametrize("why", ["off", "recent", "nothing new", "no model"])
def test_the_schedule_waits(long_ago: None, settings: Any, why: str) -> None:
    if why == "off":
        settings.PROPOSITIONS_RETRAIN_DAYS = 0.0
    elif why == "recent":
        ModelVersion.objects.update(created_at=timezone.now())
    elif why == "nothing new":
        ModelVersion.objects.update(created_at=timezone.now() - timedelta(days=8))
        Interaction.objects.filter(recorded_at__gte=timezone.now() - timedelta(days=8)).delete()
    else:
        from registry.models import RegisteredModel

        RegisteredModel.objects.update(archived_at=timezone.now())

    assert schedule.ask_if_due() is False


# -- For real -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_learns_from_what_was_logged_through_the_real_sandbox(
    root: Any, transactional_db: None, capsys: Any
) -> None:
    call_command("stockpropositions", users=60, days=24)
    call_command("stockpropositions")
    call_command("retrainpropositions", kind="random_forest")

    told = capsys.readouterr().out
    version = ModelVersion.objects.get()
    run = Retraining.objects.get()
    assert "There are propositions already" in told
    assert (version.status, version.runtime) == ("ready", "onnx")
    assert tuple(column["name"] for column in version.signature["inputs"]) == COLUMNS
    assert run.status in (RunStatus.PROPOSED, RunStatus.NOT_BETTER)
    assert run.comparison["with"] == "rules"
    assert {metric["name"] for metric in version.metrics} >= {"auc", "ndcg@5", "mse", "rmse", "mae", "r2"}
    assert Proposition.objects.count() == 80


def test_the_command_says_why_it_can_not(root: Any) -> None:
    with pytest.raises(CommandError, match="too_few_interactions"):
        call_command("retrainpropositions")
