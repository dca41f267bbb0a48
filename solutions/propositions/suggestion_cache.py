"""Lists that were suggested a moment ago: in this process, and in Redis for all where there is one.

A list is remembered for PROPOSITIONS_CACHE_SECONDS under everything it depends on: the user, the place, how many were
asked for, the version that is live, what the user last did (impressions apart) and said, and the epoch. So a click
makes the next list a new one. A proposition that was withdrawn meanwhile is noticed by whoever reads the list.
"""

import hashlib
import logging
import threading
from typing import Any

import orjson
from cachetools import TTLCache
from django.conf import settings
from django.core.cache import cache as shared

from accounts.breaker import Breaker

log = logging.getLogger(__name__)
MOST_IN_PROCESS = 10_000

_lock = threading.Lock()
_made: "TTLCache[str, Any] | None" = None
_breaker = Breaker("suggestions_redis", failures=3, first_pause=1.0, longest_pause=15.0)


def key_of(**parts: Any) -> str:
    """A digest of everything the list depends on."""
    text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    return "suggestion:" + hashlib.blake2b(text, digest_size=16).hexdigest()


def get(key: str) -> Any:
    """What was put under the key, or None."""
    with _lock:
        found = _local().get(key)
    if found is None and settings.REDIS_URL:
        found = _ask_shared(lambda: shared.get(key))
        if found is not None:
            with _lock:
                _local()[key] = found
    return found


def put(key: str, value: Any) -> None:
    """Remember plain JSON."""
    with _lock:
        _local()[key] = value
    if settings.REDIS_URL:
        _ask_shared(lambda: shared.set(key, value, timeout=settings.PROPOSITIONS_CACHE_SECONDS))


def size() -> int:
    """How many lists this process remembers."""
    with _lock:
        return len(_local())


def forget() -> None:
    """Empty this process's part."""
    global _made
    with _lock:
        _made = None


def _local() -> "TTLCache[str, Any]":
    global _made
    seconds = settings.PROPOSITIONS_CACHE_SECONDS
    if _made is None or _made.ttl != seconds:
        _made = TTLCache(maxsize=MOST_IN_PROCESS, ttl=seconds)
    return _made


def _ask_shared(call: Any) -> Any:
    """Redis' answer; None when it gives none. One that fails is left alone for a while."""
    if not _breaker.lets_try():
        return None
    try:
        answer = call()
    except Exception as error:
        if _breaker.failed():
            log.error("Redis does not answer; suggestions are remembered by each process alone: %s", error)
        return None
    if _breaker.succeeded():
        log.warning("Redis answers again; suggestions are shared by all processes.")
    return answer
