import time
from itertools import cycle, pairwise
from typing import NamedTuple

import pytest

from tests.live.load import Load

pytestmark = [pytest.mark.live, pytest.mark.django_db(databases=[])]

BOUND_SECONDS = 1.0


class Switch(NamedTuple):
    """One activation: when the call began and when it had ended."""

    version: int
    began: float
    ended: float


@pytest.mark.parametrize("switches_count", [12, pytest.param(100, marks=pytest.mark.slow)])
def test_versions_are_switched_again_and_again_under_load_and_no_request_notices(stack, oracle, switches_count):
    running = stack(workers=4)
    for number in (1, 2, 3):
        oracle(running, number)

    def activate(number):
        began = time.monotonic()
        status, _, body = running.call("POST", f"/api/v1/models/oracle/versions/{number}/activate", {"note": "switch"})
        assert status == 200, body
        return Switch(number, began, time.monotonic())

    switches = [activate(1)]
    with Load(running, threads=6, pause=0.002) as load:
        for _, number in zip(range(switches_count), cycle([2, 3, 1]), strict=False):
            switches.append(activate(number))
        time.sleep(BOUND_SECONDS * 1.5)

    assert load.broken == []
    assert len(load.exchanges) > 3 * switches_count
    assert {exchange.status for exchange in load.exchanges} == {200}
    for exchange in load.exchanges:
        # The answer names the version that made it...
        assert exchange.body["predictions"] == [exchange.x + 1000.0 * exchange.body["version"]]
        # ...and that version was live when the question was asked, or had been until the bound before.
        assert any(
            live.version == exchange.body["version"]
            and live.began <= exchange.answered_at
            and exchange.asked_at <= next_one.ended + BOUND_SECONDS
            for live, next_one in pairwise([*switches, Switch(0, float("inf"), float("inf"))])
        ), exchange
    last = [exchange for exchange in load.exchanges if exchange.asked_at > switches[-1].ended + BOUND_SECONDS]
    assert {exchange.body["version"] for exchange in last} == {switches[-1].version}
    assert len({exchange.body["version"] for exchange in load.exchanges}) == 3


@pytest.mark.slow
def test_activation_fails_and_changes_nothing_when_a_process_cannot_take_the_version_up(stack, oracle):
    running = stack(workers=2)
    oracle(running, 1)
    oracle(running, 2)
    assert running.call("POST", "/api/v1/models/oracle/versions/1/activate", {})[0] == 200
    next((running.directory / "models").rglob("v2/model.onnx")).write_bytes(b"swapped on disk")
    status, _, body = running.call("POST", "/api/v1/models/oracle/versions/2/activate", {})
    assert (status, body["error"]["code"]) == (409, "activation_failed")
    status, _, body = running.call("POST", "/api/v1/predict/oracle", {"instances": [[1.0, 0.0]]})
    assert (status, body["version"], body["predictions"]) == (200, 1, [1001.0])
