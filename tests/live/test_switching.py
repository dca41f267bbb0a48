import time
from itertools import cycle
from typing import NamedTuple

import pytest

from tests.live.load import Load
from tests.live.stack import wait_until

pytestmark = [pytest.mark.live, pytest.mark.django_db(databases=[])]

BOUND_SECONDS = 1.0


class Switch(NamedTuple):
    """One activation: when the call began and when it had ended."""

    version: int
    began: float
    ended: float


@pytest.fixture
def scene(stack, oracle):
    """A platform with three versions, and a call that activates one of them."""
    running = stack(workers=4)
    for number in (1, 2, 3):
        oracle(running, number)

    def activate(number):
        began = time.monotonic()
        status, _, body = running.call("POST", f"/api/v1/models/oracle/versions/{number}/activate", {"note": "switch"})
        assert status == 200, body
        return Switch(number, began, time.monotonic())

    return running, activate


def check(load, switches, followed):
    """Every answer is right, by a version that was live. `followed`: when everybody knew each switch at the latest."""
    assert load.broken == []
    assert {exchange.status for exchange in load.exchanges} == {200}
    for exchange in load.exchanges:
        # The answer names the version that made it...
        assert exchange.body["predictions"] == [exchange.x + 1000.0 * exchange.body["version"]]
        # ...and that version was live when the question was asked, or had been until the next was known.
        assert any(
            live.version == exchange.body["version"]
            and live.began <= exchange.answered_at
            and exchange.asked_at <= next_is_known
            for live, next_is_known in zip(switches, [*followed[1:], float("inf")], strict=True)
        ), exchange
    assert len({exchange.body["version"] for exchange in load.exchanges}) == 3


def test_versions_are_switched_under_load_and_no_request_notices(scene):
    running, activate = scene
    switches = [activate(1)]
    followed = [switches[0].ended]
    with Load(running, threads=6, pause=0.01) as load:
        for number in (2, 3, 1, 2):
            switches.append(activate(number))
            wait_until(lambda: all_have_seen(load, switches[-1]), 120, lambda: running.log("server"))
            followed.append(time.monotonic())
        enough = len(load.exchanges) + 60
        wait_until(lambda: len(load.exchanges) >= enough, 120)
    check(load, switches, followed)


def all_have_seen(load, switch):
    """Whether every client was answered by the version after it became live."""
    mine = [one for one in load.exchanges if one.asked_at > switch.ended and one.body["version"] == switch.version]
    return len({one.x % 16 for one in mine}) == 6


@pytest.mark.slow
def test_a_hundred_switches_are_each_followed_within_the_bound(scene):
    running, activate = scene
    switches = [activate(1)]
    with Load(running, threads=6, pause=0.002) as load:
        for _, number in zip(range(100), cycle([2, 3, 1]), strict=False):
            switches.append(activate(number))
        time.sleep(BOUND_SECONDS * 1.5)
    assert len(load.exchanges) > 300
    check(load, switches, [switch.ended + BOUND_SECONDS for switch in switches])
    last = [exchange for exchange in load.exchanges if exchange.asked_at > switches[-1].ended + BOUND_SECONDS]
    assert {exchange.body["version"] for exchange in last} == {switches[-1].version}


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
