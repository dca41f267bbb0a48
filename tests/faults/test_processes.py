"""Processes that are killed, stopped, or given something that kills or holds them."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2
import pytest

from tests import toys
from tests.faults import gates
from tests.faults.platform import Platform, wait_ready
from tests.faults.trial import Trial
from tests.hostile.cases import sea_of_memory
from tests.live.stack import ROOT, upload_form, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.django_db(databases=[])]


@contextlib.contextmanager
def postgres_on(platform: Platform) -> Iterator[str]:
    """Another, empty database on the platform's own server."""
    with contextlib.closing(psycopg2.connect(platform.postgres.url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE fresh")
            try:
                yield platform.postgres.url.removesuffix("postgres") + "fresh"
            finally:
                cursor.execute("DROP DATABASE fresh WITH (FORCE)")


@pytest.mark.fault("worker-kill")
def test_workers_killed_under_load_are_replaced_and_only_what_they_held_fails(platform: Platform) -> None:
    chance = random.Random(7)
    with Trial(platform, "worker-kill") as trial:
        for _ in range(6):
            before = set(platform.stack.children("server"))
            trial.allow_in_flight()
            os.kill(chance.choice(sorted(before)), signal.SIGKILL)
            began = time.monotonic()
            wait_until(lambda before=before: len(set(platform.stack.children("server")) - before) == 1, 20)
            trial.note(f"replaced after {time.monotonic() - began:.1f} s")
            time.sleep(2.0)
        trial.end()


@pytest.mark.fault("jobs-kill")
def test_a_job_runner_killed_while_it_validates_leaves_nothing_stuck(platform: Platform) -> None:
    stack = platform.stack

    def statuses() -> list[str]:
        return [
            row[0]
            for row in stack.query(
                "SELECT v.status FROM registry_modelversion v JOIN registry_registeredmodel m ON m.id = v.model_id"
                " WHERE m.name = 'orphan' ORDER BY v.number"
            )
        ]

    with Trial(platform, "jobs-kill") as trial:
        for number in (1, 2, 3):
            body, content_type = upload_form(toys.oracle(5000.0 + number), name="orphan", task="regression")
            assert stack.call("POST", "/api/v1/models/upload", body, **{"Content-Type": content_type})[0] == 202
        for _ in range(2):
            wait_until(lambda: "validating" in statuses(), 30, lambda: stack.log("jobs"))
            os.killpg(stack.pid("jobs"), signal.SIGKILL)
            stack.stop("jobs")
            stack.start("jobs", "runjobs")
        trial.end()
        began = time.monotonic()
        wait_until(lambda: statuses() == ["ready"] * 3, 90, lambda: f"{statuses()} {stack.log('jobs')}")
        trial.note(f"all validated {time.monotonic() - began:.1f} s after the second kill")
        held = stack.query("SELECT COUNT(*) FROM registry_modelversion WHERE lease_token IS NOT NULL")
        trial.require("a claim is left", held == [(0,)])


@pytest.mark.parametrize(
    ("fault", "content"),
    [
        ("candidate-crashes", sea_of_memory),
        ("candidate-hangs", lambda: toys.heavy_oracle(1.0, elements=4_000_000, steps=20_000)),
    ],
)
def test_a_candidate_that_cannot_be_loaded_fails_alone(
    platform: Platform, fault: str, content: Callable[[], bytes]
) -> None:
    stack = platform.stack
    with Trial(platform, fault) as trial:
        began = time.monotonic()
        status, body = stack.upload(f"bad-{fault}", content(), task="regression")
        trial.note(f"{status} {body['error']['code']} after {time.monotonic() - began:.1f} s")
        trial.require("the candidate was not refused", status == 422)
        status, body = stack.upload(f"good-after-{fault}", toys.oracle(1.0), task="regression")
        trial.require(f"the next upload: {status}", status == 201)
        trial.end()


@pytest.mark.fault("drain")
def test_a_stop_under_load_answers_what_is_in_flight(platform: Platform) -> None:
    stack = platform.stack
    status, body = stack.upload("crawling", toys.heavy_oracle(1.0, elements=2_000_000, steps=100), task="regression")
    assert status == 201, body
    # Else each process that starts in a later trial would wait for it to be measured.
    assert stack.call("PATCH", "/api/v1/models/crawling", {"load_policy": "lazy"})[0] == 200
    assert platform.activate("crawling", 1) == 200

    def ask(number: int) -> tuple[int, Any]:
        status, _, body = stack.call(
            "POST", "/api/v1/predict/crawling", {"instances": [[float(number), 0.0]]}, timeout=60
        )
        return status, body

    with Trial(platform, "drain", gap=True) as trial, ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(ask, number) for number in range(20)]
        time.sleep(1.0)
        trial.load.stop()
        began = time.monotonic()
        ended_with = stack.stop("server")
        trial.note(f"ended {time.monotonic() - began:.1f} s after SIGTERM")
        answers = []
        for one in asked:
            try:
                answers.append(one.result())
            except Exception as error:
                answers.append((0, type(error).__name__))
        trial.require(f"it ended with {ended_with}", ended_with == 0)
        statuses = Counter(status for status, _ in answers)
        trial.note(f"the slow requests were answered {dict(statuses)}")
        # A model that is slow is refused some of its requests, so that it does not take every thread.
        trial.require(
            f"slow requests were answered {dict(statuses)}", set(statuses) <= {200, 503} and statuses[200] > 1
        )
        stack.start_server()
        trial.end()
        ids = ", ".join(f"'{body['prediction_id']}'" for status, body in answers if status == 200) or "NULL"
        [(recorded,)] = stack.query(f"SELECT COUNT(*) FROM monitoring_predictionlog WHERE id IN ({ids})")
        trial.require(f"{recorded} of 20 recorded", recorded == statuses[200])
        trial.renew()


@pytest.mark.fault("master-kill")
def test_a_killed_master_leaves_no_orphan_and_the_next_start_is_clean(platform: Platform) -> None:
    stack = platform.stack
    with Trial(platform, "master-kill", gap=True) as trial:
        workers = stack.children("server")
        began = time.monotonic()
        stack.stop("server", signal.SIGKILL)
        wait_until(lambda: not set(workers) & set(gates.processes_of(stack.directory)), 10)
        trial.note(f"no orphan {time.monotonic() - began:.1f} s after the kill")
        stack.start_server()
        trial.end()


@pytest.mark.fault("migration")
def test_a_migration_killed_in_the_middle_is_gone_on_with(platform: Platform, tmp_path: Any) -> None:
    stack = platform.stack
    with Trial(platform, "migration") as trial, postgres_on(platform) as url:
        environment = {**stack.environment, "VAR_DIR": str(tmp_path), "DATABASE_URL": url}
        chance = random.Random(5)

        def migrate() -> subprocess.Popen[bytes]:
            line = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
            return subprocess.Popen(line, cwd=ROOT, env=environment, stderr=subprocess.PIPE)

        killed = 0
        for _ in range(6):
            process = migrate()
            try:
                process.communicate(timeout=chance.uniform(2.0, 6.0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                killed += 1
        trial.note(f"{killed} of 6 runs were killed before their end")
        process = migrate()
        _, errors = process.communicate(timeout=120)
        trial.require(f"the last run failed: {errors.decode()[-200:]}", process.returncode == 0)
        check = [sys.executable, "manage.py", "migrate", "--check"]
        trial.require(
            "migrations are missing", subprocess.run(check, cwd=ROOT, env=environment, check=False).returncode == 0
        )
        trial.end()


@pytest.mark.parametrize("fault", ["start-without-postgres", "start-without-redis"])
def test_a_start_without_a_service_lives_and_is_well_by_itself(platform: Platform, fault: str) -> None:
    stack = platform.stack
    proxy = platform.to_postgres if fault == "start-without-postgres" else platform.to_redis
    with Trial(platform, fault, gap=True) as trial:
        trial.load.stop()
        stack.stop("server")
        proxy.cut()
        stack.start("server", "serve", "--workers", str(stack.workers), "--bind", f"127.0.0.1:{stack.port}")
        wait_until(lambda: platform.plain("/health") == 200, 60, lambda: stack.log("server"))
        if fault == "start-without-postgres":
            time.sleep(8.0)
            trial.require("/health is not 200", platform.plain("/health") == 200)
            trial.require("/ready is not 503", platform.plain("/ready") == 503)
        else:
            trial.require("not ready without Redis", wait_ready(platform, 10.0) is not None)
            status = stack.call("POST", "/api/v1/predict/oracle", {"instances": [[1.0, 0.0]]})[0]
            trial.require(f"a prediction: {status}", status == 200)
        proxy.mend()
        took = wait_ready(platform, trial.criterion.recovery_seconds)
        trial.require("not ready afterwards", took is not None)
        trial.note(f"ready {took or 0:.1f} s after it was back")
        trial.end()
        trial.renew()
