"""Answers remembered in this process: least recently used first out, none older than its time to live.

The key holds the version, the digest of the file that answers, who may see the model, and the typed arrays it was
given. So two models never share an answer, and a switched version never answers with its predecessor's. Requests for
the same answer at the same time wait for one computation. Answers that took long are also kept in Redis, for all
processes (`shared_answers`). Clearing moves the epoch, which is part of the key, in every process.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from cachetools import TLRUCache
from django.conf import settings

from inference.handlers.base import Arrays, Predictions
from registry.resolver import Served
from registry.serving import Serving

# Larger requests are rarely repeated and would fill the memory.
MAX_ROWS = 16


class Key(NamedTuple):
    """What identifies an answer."""

    epoch: int
    version_id: int
    sha256: str
    seen_by: int  # the owner's id; 0 for every signed-in user
    digest: bytes


class Kept(NamedTuple):
    """An answer and how long it may be given."""

    predictions: Predictions
    seconds: float


class Shared(NamedTuple):
    """The second level: `get` an answer, `put` one for so many seconds. Neither raises."""

    get: Callable[[Key], Predictions | None]
    put: Callable[[Key, Predictions, float], None]


@dataclass(slots=True)
class Counts:
    """What happened since the process began. `joined`: hits that waited for the same answer to be computed."""

    hits: int = 0
    misses: int = 0
    joined: int = 0
    shared_hits: int = 0
    evictions: int = 0


class _Answers(TLRUCache[Hashable, Kept]):
    """Each entry with a time to live of its own; counts what is pushed out."""

    def __init__(self, *, max_size: int, counts: Counts) -> None:
        super().__init__(maxsize=max_size, ttu=lambda _, kept, now: now + kept.seconds, timer=time.monotonic)
        self._counts = counts

    def popitem(self) -> tuple[Hashable, Kept]:
        self._counts.evictions += 1
        return super().popitem()


class PredictionCache:
    """A bounded map from input to answer. Thread-safe."""

    def __init__(self, *, max_size: int) -> None:
        self.counts = Counts()
        self.max_size = max_size
        self._lock = threading.Lock()
        self._answers = _Answers(max_size=max_size, counts=self.counts)
        self._flights: dict[Hashable, Future[Predictions]] = {}

    def get(self, key: Hashable) -> Predictions | None:
        """The remembered answer, or None."""
        with self._lock:
            kept = self._answers.get(key)
            if kept is None:
                self.counts.misses += 1
                return None
            self.counts.hits += 1
            return kept.predictions

    def put(self, key: Hashable, answer: Predictions, seconds: float) -> None:
        """Remember an answer."""
        if seconds > 0:
            with self._lock:
                self._answers[key] = Kept(answer, seconds)

    def answer(
        self,
        key: Key,
        compute: Callable[[], Predictions],
        *,
        seconds: float,
        wait_seconds: float,
        shared: Shared | None = None,
    ) -> tuple[Predictions, bool]:
        """The answer, and whether it was known. One computes it, others who ask meanwhile wait for that.

        Raises what `compute` raises, to all who wait, and TimeoutError after `wait_seconds` of waiting.
        """
        with self._lock:
            kept = self._answers.get(key)
            if kept is not None:
                self.counts.hits += 1
                return kept.predictions, True
            flight = self._flights.get(key)
            if flight is None:
                mine = self._flights[key] = Future()
            else:
                self.counts.joined += 1
                self.counts.hits += 1
        if flight is not None:
            return flight.result(max(0.0, wait_seconds)), True
        return self._compute(mine, key, compute, seconds, shared)

    def clear(self) -> int:
        """Forget everything; returns how many answers were remembered."""
        with self._lock:
            count = len(self._answers)
            self._answers.clear()
            return count

    def __len__(self) -> int:
        return len(self._answers)

    def _compute(
        self,
        mine: "Future[Predictions]",
        key: Key,
        compute: Callable[[], Predictions],
        seconds: float,
        shared: Shared | None,
    ) -> tuple[Predictions, bool]:
        try:
            known = shared.get(key) if shared else None
            predictions = compute() if known is None else known
        except BaseException as error:
            with self._lock:
                self.counts.misses += 1
                del self._flights[key]
            mine.set_exception(error)
            raise
        with self._lock:
            self._answers[key] = Kept(predictions, seconds)
            del self._flights[key]
            if known is None:
                self.counts.misses += 1
            else:
                self.counts.hits += 1
                self.counts.shared_hits += 1
        mine.set_result(predictions)
        if shared and known is None:
            shared.put(key, predictions, seconds)
        return predictions, known is not None


# -- This process's cache -----------------------------------------------------------------------------

cache = PredictionCache(max_size=settings.CACHE_MAX_SIZE)
_epoch = 0


def key_of(served: Served, feeds: Arrays) -> Key:
    """What identifies the answer of this version to these arrays, in the present epoch."""
    seen_by = 0 if served.is_internal else served.owner_id
    return Key(_epoch, served.version_id, served.sha256, seen_by, digest_of(feeds))


def digest_of(feeds: Arrays) -> bytes:
    """Names, types, shapes and values; arrays that differ in any of them have different digests."""
    digest = hashlib.blake2b(digest_size=16)
    for name, array in feeds.items():
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(orjson.dumps(array.tolist()) if array.dtype == object else array.tobytes())
    return digest.digest()


def seconds_for(serving: Serving, *, pays: bool) -> float:
    """How long an answer of this model is kept; 0 when it isn't. `pays`: a look is cheaper than the model."""
    if serving.cache_seconds is not None:
        return serving.cache_seconds
    return settings.CACHE_DEFAULT_TTL if pays else 0.0


def enter_epoch(epoch: int) -> bool:
    """Forget the answers of other epochs; True when there was something new."""
    global _epoch
    if epoch == _epoch:
        return False
    _epoch = epoch
    cache.clear()
    return True


def as_facts() -> dict[str, Any]:
    """This process's numbers; `counters` of all processes may be added up."""
    return {"size": len(cache), "max_size": cache.max_size, "epoch": _epoch}


def as_counters() -> dict[str, int]:
    """Counts that only grow."""
    counts = cache.counts
    return {
        "prediction_cache.hits": counts.hits,
        "prediction_cache.misses": counts.misses,
        "prediction_cache.joined": counts.joined,
        "prediction_cache.shared_hits": counts.shared_hits,
        "prediction_cache.evictions": counts.evictions,
    }


# -- What a look costs --------------------------------------------------------------------------------

_scratch = PredictionCache(max_size=1)


def try_out(feeds: Arrays, answer: Predictions) -> None:
    """Everything a request that finds nothing spends here; measured when a model is loaded."""
    _scratch.answer(Key(0, 0, "", 0, digest_of(feeds)), lambda: answer, seconds=1.0, wait_seconds=0.0)
    _scratch.clear()
