"""Django's cache in process memory with django-prometheus' counts.

The library's own answers the default in place of a value that counts as false, so 0 could not be remembered.
"""

from typing import Any

from django.core.cache.backends import locmem
from django_prometheus.cache import metrics

_MISSING = object()


class LocMemCache(locmem.LocMemCache):
    """Named in `CACHES` where there is no Redis."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        metrics.django_cache_get_total.labels("locmem").inc()
        found = super().get(key, _MISSING, version)
        counter = metrics.django_cache_misses_total if found is _MISSING else metrics.django_cache_hits_total
        counter.labels("locmem").inc()
        return default if found is _MISSING else found
