"""The second level of the prediction cache: answers of slow models in Redis, for all processes and hosts.

Plain JSON, never pickle: whoever may write into Redis could answer wrongly, but not run code here. A Redis that fails
is left alone for a while (`accounts.breaker`) and predictions go on without it.
"""

import logging
import os
import threading
from typing import Any

import orjson
from django.conf import settings

from accounts.breaker import Breaker
from inference.handlers.base import Predictions
from inference.prediction_cache import Key, Shared

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 0.05
_FIELDS = ("predictions", "probabilities", "classes", "confidence")


class SharedAnswers:
    """Answers in one Redis database."""

    def __init__(self, url: str) -> None:
        # Only where there is a Redis: the library takes 6 MB of every process.
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self.url = url
        self._no_answer = (redis.RedisError, OSError)
        self.breaker = Breaker(
            "cache_redis",
            failures=settings.CIRCUIT_BREAKER_FAILURE_THRESHOLD,
            first_pause=settings.CIRCUIT_BREAKER_RECOVERY_TIMEOUT,
            longest_pause=settings.CIRCUIT_BREAKER_RECOVERY_TIMEOUT,
        )
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )

    def get(self, key: Key) -> Predictions | None:
        """The answer, or None; None also when Redis doesn't answer, or holds something else."""
        text = self._ask(lambda: self._client.get(_name(key)))
        return _read(text) if isinstance(text, bytes) else None

    def put(self, key: Key, predictions: Predictions, seconds: float) -> None:
        """Keep an answer, if Redis can be reached."""
        text = orjson.dumps(predictions._asdict())
        self._ask(lambda: self._client.set(_name(key), text, px=max(1, int(seconds * 1000))))

    def _ask(self, call: Any) -> Any:
        if not self.breaker.lets_try():
            return None
        try:
            answer = call()
        except self._no_answer as error:
            if self.breaker.failed():
                log.error("Redis does not answer; answers are kept by each process alone: %s", error)
            return None
        if self.breaker.succeeded():
            log.warning("Redis answers again; slow answers are shared by all processes.")
        return answer


def _name(key: Key) -> str:
    return f"answer:{key.epoch}:{key.version_id}:{key.sha256[:16]}:{key.seen_by}:{key.digest.hex()}"


def _read(text: bytes) -> Predictions | None:
    try:
        known = orjson.loads(text)
        predictions = Predictions(*(known[name] for name in _FIELDS))
    except (ValueError, KeyError, TypeError):
        return None
    return predictions if isinstance(predictions.predictions, list) else None


_lock = threading.Lock()
_made: SharedAnswers | None = None


def level() -> Shared | None:
    """This process's connection to the second level; None without Redis."""
    global _made
    url = settings.CACHE_REDIS_URL
    if not url:
        return None
    made = _made
    if made is None or made.url != url:
        with _lock:
            if _made is None or _made.url != url:
                _made = SharedAnswers(url)
            made = _made
    return Shared(made.get, made.put)


def _forget_in_child() -> None:
    global _lock, _made
    _lock, _made = threading.Lock(), None


os.register_at_fork(after_in_child=_forget_in_child)
