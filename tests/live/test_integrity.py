import time

import pytest

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.django_db(databases=[])]

ALARM_WITHIN_SECONDS = 60.0


def damage_of(running, number):
    return running.call("GET", f"/api/v1/models/oracle/versions/{number}")[2]["damage"]


def wait_until(holds):
    deadline = time.monotonic() + ALARM_WITHIN_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_swapped_file_of_what_is_live_raises_an_alarm_while_it_is_served_and_a_restored_one_ends_it(stack, oracle):
    running = stack(workers=2)
    oracle(running, 1)
    oracle(running, 2)
    assert running.call("POST", "/api/v1/models/oracle/versions/1/activate", {})[0] == 200
    stored = running.directory / "models"
    mine, other = (next(stored.rglob(f"v{number}/model.onnx")) for number in (1, 2))
    whole = mine.read_bytes()
    mine.write_bytes(other.read_bytes())

    wait_until(lambda: damage_of(running, 1) is not None)
    assert damage_of(running, 1)["code"] == "digest_mismatch"
    assert damage_of(running, 2) is None
    assert "ALARM: oracle:1" in running.log("jobs")
    status, _, body = running.call("POST", "/api/v1/predict/oracle", {"instances": [[1.0, 0.0]]})
    assert (status, body["predictions"]) == (200, [1001.0])

    mine.write_bytes(whole)
    wait_until(lambda: damage_of(running, 1) is None)
    status, _, body = running.call("GET", "/api/v1/models/oracle/versions/1")
    assert [event["kind"] for event in body["events"]] == ["repaired", "damaged"]
