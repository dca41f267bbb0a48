"""Decides whether charges fit: first by the counts of this host, then, with Redis, by those of all hosts.

This host's counts are kept with and without Redis, so they are complete in the moment in which Redis goes away:
one host then goes on exactly, several admit at most the limit each. What this host refuses does not ask Redis.
"""

import contextlib
import logging
import os
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import redis

from accounts.breaker import Breaker
from accounts.limiting.redis_table import RedisTable
from accounts.limiting.shared_table import SharedTable
from accounts.limiting.window import SLOTS, Charge, Verdict

logger = logging.getLogger(__name__)

# Callers are spread over so many files, each with a lock of its own.
STRIPES = 8
# Above this limit a process takes units from Redis in portions of 1/LEASES of the limit.
EXACT_UP_TO = 1000
LEASES = 100
_MAX_PORTIONS = 10_000


@dataclass(slots=True)
class Counts:
    """What happened in this process since it began."""

    admitted: int = 0
    refused: int = 0
    without_redis: int = 0
    without_file: int = 0


class Limiter:
    """`directory` holds the files of this host; `redis_url` empty means one host.

    `clock` counts seconds, never goes back, and is the same for all processes of the host.
    """

    def __init__(self, *, directory: Path, redis_url: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._directory, self._clock = directory, clock
        self._lock = threading.Lock()
        self._tables: dict[int, SharedTable] = {}
        self._portions: dict[str, tuple[int, float]] = {}
        self._redis = RedisTable(redis_url) if redis_url else None
        self.breaker = Breaker("limits_redis")
        self.counts = Counts()

    def hit(self, group: str, charges: Sequence[Charge], *, window: float) -> Verdict:
        """Count all charges, or none when one of them would exceed its limit; never raises for Redis or disk.

        `group` is what the charges have in common: the same buckets always come with the same group.
        """
        table = self._table(group)
        now = self._clock()
        verdict = table.hit(charges, window=window, now=now)
        if verdict.is_admitted and self._redis is not None:
            elsewhere = self._ask_redis(charges, window, now)
            if elsewhere is not None and not elsewhere.is_admitted:
                table.refund(charges, window=window, now=now)
            verdict = elsewhere or verdict
        if verdict.is_admitted:
            self.counts.admitted += 1
        else:
            self.counts.refused += 1
        return verdict

    def facts(self) -> dict[str, int]:
        """Counts of this process, for whoever shows them."""
        return asdict(self.counts)

    def close(self) -> None:
        with self._lock:
            for table in self._tables.values():
                table.close()
            self._tables = {}
        if self._redis is not None:
            with contextlib.suppress(redis.RedisError):
                self._redis.close()

    # -- Redis ----------------------------------------------------------------------------------------

    def _ask_redis(self, charges: Sequence[Charge], window: float, now: float) -> Verdict | None:
        """What the counts of all hosts say; None when they can't be had, or this process holds units."""
        assert self._redis is not None
        if not self.breaker.lets_try():
            self.counts.without_redis += 1
            return None
        try:
            if min(charge.limit for charge in charges) > EXACT_UP_TO:
                verdict = self._take_portion(charges, window, now)
            else:
                verdict = self._redis.hit(charges, window=window)
        except (redis.RedisError, OSError) as error:
            self.counts.without_redis += 1
            if self.breaker.failed():
                logger.error("Redis does not answer; limits are kept by this host alone: %s", error)
            return None
        if self.breaker.succeeded():
            logger.warning("Redis answers again; limits are shared by all hosts.")
        return verdict

    def _take_portion(self, charges: Sequence[Charge], window: float, now: float) -> Verdict | None:
        """Spend units taken from Redis earlier, or take some. They are dropped after one step unspent."""
        assert self._redis is not None
        name = "\n".join(charge.bucket for charge in charges)
        cost = max(charge.cost for charge in charges)
        with self._lock:
            left, good_until = self._portions.get(name, (0, 0.0))
            if left >= cost and now < good_until:
                self._portions[name] = (left - cost, good_until)
                return None
        portion = max(min(charge.limit for charge in charges) // LEASES, cost)
        verdict = self._redis.hit([Charge(charge.bucket, charge.limit, portion) for charge in charges], window=window)
        if not verdict.is_admitted:
            return self._redis.hit(charges, window=window)
        with self._lock:
            if len(self._portions) >= _MAX_PORTIONS:
                self._portions.clear()
            self._portions[name] = (portion - cost, now + window / SLOTS)
        return None

    # -- This host ------------------------------------------------------------------------------------

    def _table(self, group: str) -> SharedTable:
        stripe = _stripe_of(group)
        table = self._tables.get(stripe)
        if table is None:
            with self._lock:
                table = self._tables.get(stripe) or self._open(stripe)
                self._tables[stripe] = table
        return table

    def _open(self, stripe: int) -> SharedTable:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return SharedTable(self._directory / str(stripe))
        except OSError:
            self.counts.without_file += 1
            logger.exception("No shared counts in %s: limits hold per process.", self._directory)
            return SharedTable(None)


@lru_cache(maxsize=8192)
def _stripe_of(group: str) -> int:
    """The same in every process, unlike `hash`."""
    return zlib.crc32(group.encode()) % STRIPES


class LazyLimiter:
    """The limiter of this process, made on first use and made anew after a fork or when its settings change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: tuple[Path, str, Limiter] | None = None
        os.register_at_fork(after_in_child=self._forget_in_child)

    def get(self, *, directory: Path, redis_url: str) -> Limiter:
        made = self._made
        if made is not None and made[0] is directory and made[1] is redis_url:
            return made[2]
        with self._lock:
            made = self._made
            if made is None or made[0] != directory or made[1] != redis_url:
                if made is not None:
                    made[2].close()
                made = self._made = (directory, redis_url, Limiter(directory=directory, redis_url=redis_url))
            elif made[0] is not directory or made[1] is not redis_url:
                made = self._made = (directory, redis_url, made[2])
            return made[2]

    def _forget_in_child(self) -> None:
        # The parent's locks hold for its open files, which a child shares; its own are apart.
        self._lock = threading.Lock()
        self._made = None
