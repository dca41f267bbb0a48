"""A way to Redis that a test can cut and mend, so that no test stops the machine's own Redis."""

import contextlib
import os

import redis

from tests.fault_proxy import FaultProxy


def own_redis_url() -> str:
    """A database of Redis that no other process of this test run uses."""
    return f"redis://127.0.0.1:6379/{own_redis_database()}"


def own_redis_database() -> int:
    """Its number: tests that run side by side must not empty each other's."""
    return 11 - int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def redis_answers(url: str) -> bool:
    """Whether a Redis server answers there."""
    with contextlib.closing(redis.Redis.from_url(url, socket_connect_timeout=60, socket_timeout=60)) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


class RedisProxy(FaultProxy):
    """Such a way to Redis."""

    def __init__(self, redis_port: int = 6379) -> None:
        super().__init__(redis_port)

    def url(self, database: int) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"
