"""How single versions did: requests and latency of the last week, from the rollups."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.utils import timezone

from monitoring.models import Resolution, Rollup
from monitoring.spans import WINDOWS
from monitoring.sums import Sums, gathered


def of_versions(version_ids: Collection[int], *, window: str = "week") -> dict[int, Sums]:
    """Sums of a window (`hour`, `day` or `week`) by version id; every id is there. One query."""
    chosen = WINDOWS[window]
    found = {version_id: Sums() for version_id in version_ids}
    rows = Rollup.objects.filter(
        resolution=chosen.resolution, start__gte=chosen.starts(timezone.now())[0], version_id__in=list(version_ids)
    )
    return found | {version_id: sums for (version_id,), sums in gathered(rows, "version_id").items()}


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
    rows = Rollup.objects.filter(resolution=Resolution.HOUR, start__gte=since, start__lt=until, version_id=version_id)
    return gathered(rows).get((), Sums())
