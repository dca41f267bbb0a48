"""How single versions did: requests and latency of the last week, from the rollups."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.utils import timezone

from monitoring import histogram
from monitoring.models import Resolution, Rollup
from monitoring.selectors import Sums
from monitoring.spans import WINDOWS


def of_versions(version_ids: Collection[int], *, window: str = "week") -> dict[int, Sums]:
    """Sums of a window (`hour`, `day` or `week`) by version id; every id is there. One query."""
    chosen = WINDOWS[window]
    found = {version_id: Sums() for version_id in version_ids}
    rows = Rollup.objects.filter(
        resolution=chosen.resolution, start__gte=chosen.starts(timezone.now())[0], version_id__in=list(version_ids)
    ).values_list("version_id", "outcome", "requests", "instances", "latency_sum_ms", "latency_histogram")
    for version_id, outcome, requests, instances, latency_sum_ms, buckets in rows:
        sums = Sums({outcome: requests}, instances, latency_sum_ms)
        histogram.add(sums.counts, buckets)
        found[version_id or 0].add(sums)
    return found


def facts(sums: Sums) -> dict[str, Any]:
    """The sums as plain values: counts, error rate, latencies in milliseconds (None without requests)."""
    return {
        "requests": sums.requests,
        "error_rate": sums.error_rate,
        "mean_ms": sums.mean_ms,
        "p50_ms": sums.p50_ms,
        "p95_ms": sums.p95_ms,
        "p99_ms": sums.p99_ms,
    }


def of_version_between(version_id: int, since: datetime, until: datetime) -> Sums:
    """The sums of one version over whole hours, `until` excluded. One query."""
    rows = Rollup.objects.filter(
        resolution=Resolution.HOUR, start__gte=since, start__lt=until, version_id=version_id
    ).values_list("outcome", "requests", "instances", "latency_sum_ms", "latency_histogram")
    found = Sums()
    for outcome, requests, instances, latency_sum_ms, buckets in rows:
        sums = Sums({outcome: requests}, instances, latency_sum_ms)
        histogram.add(sums.counts, buckets)
        found.add(sums)
    return found
