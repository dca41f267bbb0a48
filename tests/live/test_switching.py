import time
from itertools import cycle, pairwise

import pytest

from tests.live.load import Load

pytestmark = [pytest.mark.live, pytest.mark.django_db(databases=[])]

BOUND_SECONDS = 1.0


def test_versions_are_switched_a_hundred_times_under_load_and_no_request_notices(stack, oracle):
    running = stack(workers=4)
    for number in (1, 2, 3):
        oracle(running, number)

    def activate(number):
        status, _, body = running.call("POST", f"/api/v1/models/oracle/versions/{number}/activate", {"note": "switch"})
        assert status == 200, body
        return time.monotonic()

    switches = [(1, activate(1))]  # (version, when the call that made it live had ended)
    with Load(running, threads=6, pause=0.002) as load:
        for _, number in zip(range(100), cycle([2, 3, 1]), strict=False):
            switches.append((number, activate(number)))
        time.sleep(BOUND_SECONDS * 1.5)

    assert load.broken == []
    assert len(load.exchanges) > 300
    assert {exchange.status for exchange in load.exchanges} == {200}
    for exchange in load.exchanges:
        # The answer names the version that made it...
        assert exchange.body["predictions"] == [exchange.x + 1000.0 * exchange.body["version"]]
        # ...and that version had not been replaced for longer than the bound when the question was asked.
        replaced = [ended for (number, _), (_, ended) in pairwise(switches) if number == exchange.body["version"]]
        still_live = exchange.body["version"] == switches[-1][0] or any(
            exchange.asked_at <= ended + BOUND_SECONDS for ended in replaced
        )
        assert still_live, exchange
    last = [exchange for exchange in load.exchanges if exchange.asked_at > switches[-1][1] + BOUND_SECONDS]
    assert {exchange.body["version"] for exchange in last} == {switches[-1][0]}
    assert len({exchange.body["version"] for exchange in load.exchanges}) == 3


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
