"""Answers remembered in this process: least recently used first out, none older than its time to live.

The key holds the digest of the file that answers and the typed arrays it was given, so two models never share an
answer, and a switched version never answers with its predecessor's.
"""

import hashlib
import threading
import time
from collections.abc import Hashable

import orjson
from cachetools import TTLCache
from django.conf import settings

from inference.handlers.base import Arrays, Predictions

# Larger requests are rarely repeated and would fill the memory.
MAX_ROWS = 16


def key_of(*, sha256: str, feeds: Arrays) -> Hashable:
    """What identifies an answer: the served file and its typed input."""
    digest = hashlib.blake2b(digest_size=16)
    for name, array in feeds.items():
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(orjson.dumps(array.tolist()) if array.dtype == object else array.tobytes())
    return sha256, digest.digest()


class PredictionCache:
    """A bounded map from input to answer. Thread-safe."""

    def __init__(self, *, max_size: int, ttl: float) -> None:
        self._lock = threading.Lock()
        self._answers: TTLCache[Hashable, Predictions] = TTLCache(maxsize=max_size, ttl=ttl, timer=time.monotonic)
        self.hits = self.misses = 0

    def get(self, key: Hashable) -> Predictions | None:
        """The remembered answer, or None."""
        with self._lock:
            answer = self._answers.get(key)
            if answer is None:
                self.misses += 1
            else:
                self.hits += 1
            return answer

    def put(self, key: Hashable, answer: Predictions) -> None:
        """Remember an answer."""
        with self._lock:
            self._answers[key] = answer

    def clear(self) -> int:
        """Forget everything; returns how many answers were remembered."""
        with self._lock:
            count = len(self._answers)
            self._answers.clear()
            return count

    def __len__(self) -> int:
        return len(self._answers)


cache = PredictionCache(max_size=settings.CACHE_MAX_SIZE, ttl=settings.CACHE_DEFAULT_TTL)
