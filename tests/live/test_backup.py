"""A backup under load, on PostgreSQL: restored elsewhere it answers as before, with what was acknowledged before it."""

import contextlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests import s3_server, toys
from tests.live.load import Load
from tests.live.prepared import Prepared
from tests.live.stack import Stack, postgres_database, wait_until

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.django_db(databases=[])]

QUESTIONS = [[float(number), 0.0] for number in range(20)]
SOME = 200


@pytest.fixture(params=["disk", "bucket"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """Another place with an empty database; its model files will lie on its disk or in a bucket."""
    if connection.vendor != "postgresql" or shutil.which("pg_dump") is None:
        pytest.skip("this is about PostgreSQL and its pg_dump")
    with contextlib.ExitStack() as resources:
        settings = {}
        if request.param == "bucket":
            settings = s3_server.environment(resources.enter_context(s3_server.running()))
        url = resources.enter_context(postgres_database())
        (tmp_path / "elsewhere").mkdir()
        other = Stack(tmp_path / "elsewhere", workers=1, database_url=url, settings=settings)
        resources.callback(other.stop_all)
        yield other


def test_a_backup_under_load_brings_every_answer_and_every_acknowledged_record_elsewhere(
    stack: Callable[..., Stack],
    elsewhere: Stack,
    prepared: Prepared,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    running = stack(workers=2)
    for number in (1, 2):
        sample = json.dumps(QUESTIONS)
        status, body = running.upload("oracle", toys.oracle(1000.0 * number), task="regression", sample=sample)
        assert status == 201, body
        assert running.call("POST", f"/api/v1/models/oracle/versions/{number}/activate", {})[0] == 200
    expected = answers(running)

    with Load(running, threads=2) as load:
        wait_until(lambda: len(load.exchanges) > SOME, 60, lambda: running.log("server"))
        before = {one.body["request_id"] for one in tuple(load.exchanges)}
        begun = time.monotonic()
        made = json.loads(running.manage("backup", str(tmp_path / "it.backup"), "--json"))
        ended = time.monotonic()
        count = len(load.exchanges)
        wait_until(lambda: len(load.exchanges) > count + SOME, 60, lambda: running.log("server"))
    assert load.broken == []
    assert {one.status for one in load.exchanges} == {200}
    meanwhile = sum(begun < one.asked_at and one.answered_at < ended for one in load.exchanges)
    assert meanwhile, "a backup that stops everybody proves nothing"

    # The secrets are kept apart from the backup, and are all that comes with it.
    for name in ("secret_key", "jwt_signing_key", "api_key_pepper", "artifact_seal_key"):
        shutil.copy2(prepared.directory / name, elsewhere.directory / name)
    elsewhere.key = running.key
    restoring = time.monotonic()
    found = json.loads(elsewhere.manage("restore", str(tmp_path / "it.backup"), "--json"))
    restored = time.monotonic()
    assert (found["live_models"], found["problems"]) == (1, [])
    kept = [request_id for (request_id,) in elsewhere.query("SELECT request_id FROM monitoring_predictionlog")]
    elsewhere.start_server()
    serving = time.monotonic()
    assert answers(elsewhere) == expected
    assert elsewhere.query("SELECT number, status FROM registry_modelversion ORDER BY number") == running.query(
        "SELECT number, status FROM registry_modelversion ORDER BY number"
    )
    asked = {one.body["request_id"] for one in load.exchanges}
    assert len(kept) == len(set(kept)), "none is there twice"
    assert before <= set(kept), "what was acknowledged before the backup began is in it"
    assert len(set(kept) - asked) == len(QUESTIONS), "and what nobody asked is not"
    later = sorted(one.answered_at - begun for one in load.exchanges if one.body["request_id"] not in kept)
    with capsys.disabled():
        sys.stdout.write(
            f"\nBackup of {made['rows']} rows under load: {made['seconds']} s ({ended - begun:.1f} s with its start),"
            f" {meanwhile} predictions meanwhile. The first that is not in it was answered {later[0]:.2f} s after the"
            f" beginning. Restored in {restored - restoring:.1f} s, serving {serving - restored:.1f} s later.\n"
        )


def answers(host: Stack) -> list[Any]:
    found = [host.call("POST", "/api/v1/predict/oracle", {"instances": [row]}) for row in QUESTIONS]
    assert {status for status, _, _ in found} == {200}, found
    return [body["predictions"] for _, _, body in found]
