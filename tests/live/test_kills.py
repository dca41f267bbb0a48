import os
import random
import signal

import pytest

from tests import toys
from tests.live.load import Load
from tests.live.stack import upload_form, wait_until

pytestmark = [pytest.mark.live, pytest.mark.django_db(databases=[])]


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_every_acknowledged_prediction_has_one_row_though_workers_are_killed(stack, oracle, kills):
    running = stack(workers=4)
    oracle(running, 1)
    assert running.call("POST", "/api/v1/models/oracle/versions/1/activate", {})[0] == 200
    chance = random.Random(7)
    with Load(running, threads=6) as load:
        for kill in range(1, kills + 1):
            wait_until(lambda enough=25 * kill: len(load.exchanges) >= enough, 120, lambda: running.log("server"))
            os.kill(chance.choice([*running.children("server"), *running.helpers("server").values()]), signal.SIGKILL)
        wait_until(lambda: len(load.exchanges) >= 25 * (kills + 1), 120, lambda: running.log("server"))

    acknowledged = [exchange.body["prediction_id"] for exchange in load.exchanges if exchange.status == 200]
    assert len(acknowledged) >= 20 * kills
    assert len(set(acknowledged)) == len(acknowledged)
    assert {exchange.status for exchange in load.exchanges} == {200}

    def recorded():
        return [str(row[0]).replace("-", "") for row in running.query("SELECT id FROM monitoring_predictionlog")]

    wanted = {identifier.replace("-", "") for identifier in acknowledged}
    wait_until(
        lambda: wanted <= set(recorded()),
        120,
        lambda: f"{len(wanted - set(recorded()))} of {len(wanted)} missing",
    )
    rows = recorded()
    assert len(rows) == len(set(rows))
    # A worker may be killed between writing the record and sending the answer: such rows are rightly there.
    assert len(wanted) <= len(rows) <= len(wanted) + len(load.broken)
    [(in_rollups,)] = running.query("SELECT SUM(requests) FROM monitoring_rollup WHERE resolution = 60")
    assert in_rollups == len(rows)


def test_a_runner_killed_in_the_middle_of_a_validation_leaves_nothing_stuck_and_nothing_done_twice(
    stack, oracle, monkeypatch
):
    monkeypatch.setenv("JOB_LEASE_SECONDS", "3")
    # A claim that a busy machine was too slow to renew is taken up anew.
    monkeypatch.setenv("JOB_MAX_ATTEMPTS", "20")
    running = stack(workers=1, jobs=False)
    for number in (1, 2, 3):
        body, content_type = upload_form(toys.oracle(1000.0 * number), name="oracle", task="regression")
        assert running.call("POST", "/api/v1/models/upload", body, **{"Content-Type": content_type})[0] == 202

    def statuses():
        return [row[0] for row in running.query("SELECT status FROM registry_modelversion ORDER BY number")]

    for _ in range(2):
        running.start("jobs", "runjobs")
        wait_until(lambda: "validating" in statuses(), 120, lambda: running.log("jobs"))
        os.killpg(running.pid("jobs"), signal.SIGKILL)
        running.stop("jobs")
    running.start("jobs", "runjobs")
    wait_until(lambda: statuses() == ["ready"] * 3, 120, lambda: f"{statuses()} {running.log('jobs')}")
    assert running.query("SELECT COUNT(*) FROM registry_modelversion WHERE lease_token IS NOT NULL") == [(0,)]
    assert running.query("SELECT COUNT(*) FROM registry_deployment") == [(0,)]
    assert sorted(path.name for path in (running.directory / "uploads").iterdir()) == []
