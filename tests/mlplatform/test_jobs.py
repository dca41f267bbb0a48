"""The list of jobs and the loop that runs it."""

import itertools
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError

from mlplatform import job_runner, jobs
from mlplatform.job_runner import Lane, Runner
from mlplatform.jobs import Job
from monitoring import partitions
from tests.standing_in import stand_in

# Between two jobs the runner looks after its database connections.
pytestmark = pytest.mark.django_db


def job(work: Callable[[], object], **options: Any) -> Job:
    return Job("toy", work, **{"every_seconds": 60.0, **options})


def test_the_jobs_have_names_of_their_own_and_exactly_three_are_long() -> None:
    assert len({each.name for each in jobs.JOBS}) == len(jobs.JOBS)
    assert [each.name for each in jobs.JOBS if each.is_long] == [
        "validate uploaded versions",
        "retrain the ranking of propositions",
        "look for drift",
    ]


def test_every_job_finds_nothing_to_do_on_an_empty_platform() -> None:
    while partitions.prepare():  # the days to come, on PostgreSQL
        pass
    assert [bool(each.work()) for each in jobs.JOBS] == [False] * len(jobs.JOBS)


def test_a_job_that_did_something_is_asked_again_at_once_and_an_idle_one_is_not() -> None:
    answers = iter([True, True, False])
    calls: list[bool] = []

    def work() -> bool:
        calls.append(next(answers))
        return calls[-1]

    lane = Lane([job(work)])

    assert [lane.tick() for _ in range(5)] == [True, True, False, False, False]
    assert calls == [True, True, False]
    assert lane.did == {"toy": 2}


def test_a_job_that_fails_is_logged_and_put_off_longer_each_time(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    stand_in(monkeypatch, job_runner, "time", monotonic=lambda: now)
    calls: list[float] = []

    def work() -> bool:
        calls.append(now)
        raise RuntimeError("the disk is full")

    lane = Lane([job(work)])
    with caplog.at_level(logging.ERROR):
        for _ in range(200):
            lane.tick()
            now += 1.0

    waits = [later - earlier for earlier, later in itertools.pairwise(calls)]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert "the disk is full" in caplog.text


def test_a_failing_job_does_not_keep_the_others_from_running() -> None:
    done: list[str] = []

    def fail() -> bool:
        raise RuntimeError("no")

    lane = Lane([job(fail), Job("other", lambda: done.append("other"), every_seconds=60.0)])
    lane.tick()

    assert done == ["other"]


def test_once_runs_each_job_until_it_finds_nothing_more_and_counts_failures() -> None:
    left = [3]

    def work() -> bool:
        left[0] -= 1
        return left[0] > 0

    def fail() -> bool:
        raise RuntimeError("no")

    runner = Runner([job(work, is_long=True), Job("bad", fail, every_seconds=1.0)])

    assert runner.run_once() == 1
    assert left == [0]


def test_a_signal_cuts_the_long_job_short_and_ends_the_runner() -> None:
    seen: list[str] = []

    def long_work() -> bool:
        seen.append("begun")
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        except KeyboardInterrupt:
            os.kill(os.getpid(), signal.SIGTERM)  # an impatient second one
            seen.append("gave its claim back")
            raise
        return True

    before = signal.getsignal(signal.SIGTERM)
    Runner([job(long_work, is_long=True)]).run()

    assert seen == ["begun", "gave its claim back"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_short_jobs_run_while_a_long_one_works() -> None:
    short_ran = threading.Event()

    def long_work() -> bool:
        assert short_ran.wait(60)
        os.kill(os.getpid(), signal.SIGTERM)
        return True

    Runner([job(long_work, is_long=True), Job("short", lambda: short_ran.set(), every_seconds=60.0)]).run()

    assert short_ran.is_set()


def test_a_job_that_fails_for_want_of_the_database_is_soon_tried_again() -> None:
    def ask_the_database() -> None:
        raise OperationalError("connection refused")

    lane = Lane([job(ask_the_database)])
    for _ in range(9):
        lane._due_at["toy"] = 0.0
        lane.tick()
    assert lane._due_at["toy"] <= time.monotonic() + job_runner.MAX_BACK_OFF_WITHOUT_DATABASE_SECONDS
