"""Limits of the running platform: exact over its processes, with Redis, without it, and while it goes away."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from tests.live.stack import Stack
from tests.redis_proxy import RedisProxy, own_redis_database, own_redis_url, redis_answers

pytestmark = [pytest.mark.live, pytest.mark.slow]

LIMIT = 100
REQUESTS = 500
CLIENTS = 32
REDIS_URL = own_redis_url()
needs_redis = pytest.mark.skipif(not redis_answers(REDIS_URL), reason="No Redis answers on 127.0.0.1:6379.")


@pytest.fixture
def own_redis() -> Iterator[None]:
    with contextlib.closing(redis.Redis.from_url(REDIS_URL)) as client:
        client.flushdb()
        yield
        client.flushdb()


def limited(stack: Callable[..., Stack], workers: int, redis_url: str = "") -> Stack:
    settings = {"RATE_LIMIT_KEY_REQUESTS": str(LIMIT)}
    if redis_url:
        settings["RATE_LIMIT_REDIS_URL"] = redis_url
    return stack(workers=workers, jobs=False, settings=settings)


def ask_in_parallel(running: Stack, requests: int, after_each: Callable[[], Any] = lambda: None) -> Counter[int]:
    """How often each status was answered."""
    numbers, statuses = iter(range(requests)), []

    def ask(_: int) -> None:
        with contextlib.closing(running.client()) as client:
            while next(numbers, None) is not None:
                statuses.append(int(client.call("GET", "/api/v1/auth/me")[0]))
                after_each()

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(ask, range(CLIENTS)))
    return Counter(statuses)


@needs_redis
@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_exactly_the_limit_passes_with_redis(stack: Any, own_redis: None, workers: int) -> None:
    running = limited(stack, workers, REDIS_URL)

    assert ask_in_parallel(running, REQUESTS) == {200: LIMIT, 429: REQUESTS - LIMIT}, running.log("server")


def test_exactly_the_limit_passes_on_four_workers_without_redis(stack: Any) -> None:
    running = limited(stack, 4)

    assert ask_in_parallel(running, REQUESTS) == {200: LIMIT, 429: REQUESTS - LIMIT}, running.log("server")


@needs_redis
def test_with_redis_gone_in_the_middle_nothing_fails_and_one_host_stays_exact(stack: Any, own_redis: None) -> None:
    with RedisProxy() as proxy:
        running = limited(stack, 4, proxy.url(own_redis_database()))
        answered = iter(range(REQUESTS))

        def cut_in_the_middle() -> None:
            if next(answered) == LIMIT // 2:
                proxy.cut()

        statuses = ask_in_parallel(running, REQUESTS, after_each=cut_in_the_middle)
        refused = running.call("GET", "/api/v1/auth/me")

    assert statuses == {200: LIMIT, 429: REQUESTS - LIMIT}, running.log("server")
    # Once per process: the breaker spares everybody else the wait.
    assert 1 <= running.log("server").count("Redis does not answer") <= 4
    assert refused[0] == 429
    assert refused[2]["error"]["code"] == "rate_limited"
