"""Caches and processes: what each serving process has loaded, how full it is, how its caches do."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from monitoring import fleet, spool
from monitoring.filters import Filters
from monitoring.pages import frame
from registry.models import RegisteredModel


@frame.reads()
def processes(request: HttpRequest, filters: Filters) -> HttpResponse:
    """Every process of every host that was heard of in the last minute. It tells of now, whatever the address says."""
    names = frozenset(RegisteredModel.objects.visible_to(request.user).values_list("name", flat=True))
    held = fleet.read(names, filters.now)
    context: dict[str, Any] = {
        "now": filters.now,
        "fleet": held,
        "backlog": spool.pending(),
        "asked": sum(held.totals.get(f"prediction_cache.{name}", 0) for name in ("hits", "misses")),
        "model_hit_share": fleet.share(held.totals, "model_cache"),
        "model_evictions": held.totals.get("model_cache.evictions", 0),
        "seconds": 5,
        "fragment": "?fragment=1",
    }
    return frame.answer(request, "processes", "Processes", context, here="dashboard-processes")
