"""What a serving process tells the others about itself; `monitoring.processes` keeps and adds it up."""

from threading import Lock
from typing import Any

from cachetools import TTLCache, cached
from django.conf import settings

from accounts import breaker, metrics
from inference import memory, model_cache, prediction_cache
from inference.execution.lanes import slow_threads, slow_threads_allowed
from monitoring import spool


def collect(failed: dict[str, str]) -> dict[str, Any]:
    """`failed`: models that can't be loaded, and why."""
    return {
        "models": [loaded.as_facts() for loaded in model_cache.cache.snapshot()],
        "failed": failed,
        "model_cache": model_cache.cache.as_facts(),
        "prediction_cache": prediction_cache.as_facts(),
        "slow_threads": {
            "taken": slow_threads.taken,
            "allowed": slow_threads_allowed(),
            "refused": slow_threads.refused,
        },
        "breakers": breaker.states(),
        "memory": memory.facts(limit_bytes=settings.PROCESS_MEMORY_BYTES),
        "rss_bytes": memory.resident_bytes(),
        "spool": spool.facts(),
        "spool_oldest_seconds": _spool_age(),
        "counters": counters(),
    }


@cached(TTLCache(1, ttl=5.0), lock=Lock())
def _spool_age() -> float | None:
    """Age of this host's oldest record that is not in the database; looked at every few beats."""
    age: float | None = spool.pending()["oldest_seconds"]
    return age


class ScrapedCounts:
    """Brings what caches and spool counted since the last time to the metrics: once a beat, not once a request."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def tell(self) -> None:
        """Add what is new."""
        metrics.observe_pending()
        now = counters()
        for kind in ("prediction", "model"):
            for name, told in (("hits", metrics.cache_hits), ("misses", metrics.cache_misses)):
                counter = f"{kind}_cache.{name}"
                told(kind).inc(now[counter] - self._told.get(counter, 0))
        self._told = now


def counters() -> dict[str, int]:
    """Counts that only grow, so that those of all processes can be added up."""
    cache = model_cache.cache
    return {
        **prediction_cache.as_counters(),
        "model_cache.hits": cache.hits,
        "model_cache.misses": cache.misses,
        "model_cache.evictions": cache.evictions,
        "spool.dropped": spool.facts()["dropped"],
        "spool.shortened": spool.facts()["shortened"],
    }
