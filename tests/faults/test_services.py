"""PostgreSQL and Redis: away, cut off, slow, emptied, full of garbage."""

import pickle
import time
from collections.abc import Callable

import pytest

from tests.faults.platform import SLOWER_MIX, Platform
from tests.faults.trial import Trial

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.django_db(databases=[])]

OUTAGE_SECONDS = 30.0


def ask_as_a_stranger(platform: Platform, key: str) -> tuple[int, float]:
    """Status, and seconds it took, of a request with a key that no process has seen."""
    began = time.monotonic()
    body = {"instances": [[1.0, 0.0]]}
    status = platform.stack.call("POST", "/api/v1/predict/oracle", body, **{"X-API-Key": key})[0]
    return int(status), time.monotonic() - began


@pytest.mark.parametrize("fault", ["postgres-stopped", "postgres-black-hole"])
def test_predictions_go_on_without_postgres_and_nothing_is_lost(platform: Platform, fault: str) -> None:
    stranger = platform.stack.manage("createapikey", "root@example.org", "--name", fault, "--scope", "predict")
    key = stranger.splitlines()[-1]
    with Trial(platform, fault) as trial:
        if fault == "postgres-stopped":
            platform.postgres.stop()
        else:
            platform.to_postgres.swallow()
        time.sleep(OUTAGE_SECONDS / 2)
        asked = [ask_as_a_stranger(platform, key) for _ in range(4)]
        trial.note(f"a stranger was answered {asked[0][0]} in {min(one[1] for one in asked):.2f} s")
        trial.require(f"a stranger was answered {asked}", {one[0] for one in asked} == {503})
        # Once in a while one caller tries whether the database is back.
        trial.require(f"strangers waited {asked}", sorted(one[1] for one in asked)[1] < 1.0)
        time.sleep(OUTAGE_SECONDS / 2)
        if fault == "postgres-stopped":
            platform.postgres.start()
        else:
            platform.to_postgres.mend()
        trial.end()


def stop(platform: Platform) -> None:
    platform.to_redis.cut()
    time.sleep(10.0)
    platform.to_redis.mend()


def slow_down(platform: Platform) -> None:
    platform.to_redis.delay(5.0)
    time.sleep(10.0)
    platform.to_redis.mend()


def flush(platform: Platform) -> None:
    client = platform.redis.client()
    for _ in range(5):
        client.flushall()
        time.sleep(1.0)
    client.close()


def fill_with_garbage(platform: Platform) -> None:
    garbage = (
        b"\x80\x04\x95garbage",
        pickle.dumps({"predictions": [1]}),
        b'{"predictions": [1',
        b"[1, 2]",
        b"",
        b"null",
    )
    client = platform.redis.client()
    overwritten = 0
    for _ in range(5):
        for number, name in enumerate(list(client.scan_iter())):
            client.delete(name)
            if number % 7 == 6:
                client.rpush(name, b"of another type")
            else:
                client.set(name, garbage[number % 7])
            overwritten += 1
        time.sleep(1.0)
    client.flushall()
    client.close()
    assert overwritten, "Redis held nothing to overwrite: it was not used"


@pytest.mark.parametrize(
    ("fault", "act"),
    [
        ("redis-stopped", stop),
        ("redis-slow", slow_down),
        ("redis-flushed", flush),
        ("redis-garbage", fill_with_garbage),
    ],
)
def test_nobody_notices_what_becomes_of_redis(platform: Platform, fault: str, act: Callable[[Platform], None]) -> None:
    with Trial(platform, fault, mix=SLOWER_MIX, rate=platform.rate / 2) as trial:
        client = platform.redis.client()
        trial.note(f"{client.dbsize()} keys in Redis when it began")
        client.close()
        act(platform)
        trial.end()
