"""Decides whether charges fit: first by the counts of this host, then, with Redis, by those of all hosts.

This host's counts are kept with and without Redis, so they are complete in the moment in which Redis goes away:
one host then goes on exactly, several admit at most the limit each. What this host refuses does not ask Redis. Wide
limits are decided in portions.
"""

import contextlib
import logging
import os
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from accounts.breaker import Breaker
from accounts.limiting.portions import PORTIONS, Charges, Portion, Portions, is_wide
from accounts.limiting.shared_table import SharedTable
from accounts.limiting.window import SLOTS, Verdict

if TYPE_CHECKING:
    from accounts.limiting.redis_table import RedisTable

logger = logging.getLogger(__name__)

# Callers are spread over so many files, each with a lock of its own.
STRIPES = 8


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
        self._portions = Portions()
        self._redis = _redis_table(redis_url) if redis_url else None
        self.breaker = Breaker("limits_redis")
        self.counts = Counts()

    def hit(self, group: str, charges: Charges, *, window: float) -> Verdict:
        """Count all charges, or none when one of them would exceed its limit; never raises for Redis or disk.

        `group` is what the charges have in common: the same buckets always come with the same group.
        """
        now = self._clock()
        verdict = self._portions.spend(charges, now)
        if verdict is None:
            decide = self._by_portion if is_wide(charges) else self._exactly
            verdict = decide(group, charges, window, now)
        if verdict.is_admitted:
            self.counts.admitted += 1
        else:
            self.counts.refused += 1
        return verdict

    def holds(self, charges: Charges) -> bool:
        """Whether a portion of these is held, so that the next unit of it costs nobody's answer."""
        return self._portions.holds(charges, self._clock())

    def facts(self) -> dict[str, int]:
        """Counts of this process, for whoever shows them."""
        return asdict(self.counts)

    def close(self) -> None:
        with self._lock:
            for table in self._tables.values():
                table.close()
            self._tables = {}
        if self._redis is not None:
            with contextlib.suppress(*self._redis.FAILURES):
                self._redis.close()

    # -- Deciding -------------------------------------------------------------------------------------

    def _by_portion(self, group: str, charges: Charges, window: float, now: float) -> Verdict:
        """Give back what is left of an old portion and take a new one; a single unit where that is too much."""
        old = self._portions.take_back(charges)
        if old is not None:
            self._give_back(group, charges, old, window, now)
        units = min(charge.limit for charge in charges) // PORTIONS
        taken, redis_slot = self._decide(group, tuple(charge._replace(cost=units) for charge in charges), window, now)
        if not taken.is_admitted:
            return self._exactly(group, charges, window, now)
        step = window / SLOTS
        portion = Portion(
            left=units - 1,
            taken_at=now,
            ends_at=(int(now / step) + 1) * step,
            limit=taken.limit,
            remaining=taken.remaining,
            reset_at=now + taken.reset_seconds,
            redis_slot=redis_slot,
        )
        self._portions.keep(charges, portion)
        return taken._replace(remaining=taken.remaining + units - 1)

    def _give_back(self, group: str, charges: Charges, portion: Portion, window: float, now: float) -> None:
        if now - portion.taken_at >= window:
            return  # it counts no more
        unspent = tuple(charge._replace(cost=portion.left) for charge in charges)
        self._table(group).refund(unspent, window=window, now=portion.taken_at)
        if self._redis is not None and portion.redis_slot is not None and not self.breaker.is_open:
            with contextlib.suppress(*self._redis.FAILURES):
                self._redis.refund(unspent, window=window, slot=portion.redis_slot)

    def _exactly(self, group: str, charges: Charges, window: float, now: float) -> Verdict:
        return self._decide(group, charges, window, now)[0]

    def _decide(self, group: str, charges: Charges, window: float, now: float) -> tuple[Verdict, int | None]:
        """The verdict of this host and of Redis, and the step in which Redis counted."""
        table = self._table(group)
        verdict = table.hit(charges, window=window, now=now)
        if not verdict.is_admitted or self._redis is None:
            return verdict, None
        answer = self._ask_redis(charges, window)
        if answer is None:
            return verdict, None
        elsewhere, slot = answer
        if not elsewhere.is_admitted:
            table.refund(charges, window=window, now=now)
        return elsewhere, slot

    def _ask_redis(self, charges: Charges, window: float) -> tuple[Verdict, int] | None:
        """What the counts of all hosts say; None when they can't be had."""
        assert self._redis is not None
        if not self.breaker.lets_try():
            self.counts.without_redis += 1
            return None
        try:
            answer = self._redis.hit(charges, window=window)
        except self._redis.FAILURES as error:
            self.counts.without_redis += 1
            if self.breaker.failed():
                logger.error("Redis does not answer; limits are kept by this host alone: %s", error)
            return None
        if self.breaker.succeeded():
            logger.warning("Redis answers again; limits are shared by all hosts.")
        return answer

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


def _redis_table(url: str) -> "RedisTable":
    """Imported only where there is a Redis: the library takes 6 MB of every process."""
    from accounts.limiting.redis_table import RedisTable

    return RedisTable(url)


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
