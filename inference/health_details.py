"""Health in detail: what the serving processes of every host said at their last beat, beside what should be served.

For people and monitors with a credential. `/health` and `/ready` are the bare answers, without a database.
"""

from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from inference import live_states, predictor, validation
from monitoring import processes, spool, statistics
from monitoring.models import ServingProcess
from registry import selectors
from registry.models import ModelVersion, RegisteredModel

_SILENT_BEATS = 5
_NEARLY = 0.75
_WORST = ("closed", "half_open", "open")


def collect(user: Any, *, only: Collection[str] | None = None) -> tuple[dict[str, Any], bool]:
    """The body, and whether every live model that is to be preloaded can be answered.

    It tells of the models that `user` may see (`only` those names, if given); the truth and `status` are the
    platform's. A constant number of queries.
    """
    alive = list(processes.live(_SILENT_BEATS * settings.HEARTBEAT_SECONDS))
    visible = RegisteredModel.objects.visible_to(user).listed()
    visible = visible if only is None else visible.filter(name__in=only)
    names = frozenset(visible.values_list("name", flat=True))
    live = live_states.entries()
    states = {name: live_states.state_of(entry, alive) for name, entry in live.items()}
    is_available = live_states.is_available(live, states, alive)
    failing = any(state not in ("healthy", "loading") for state in states.values())
    spooled = _spool(alive)
    is_whole = not failing and not spooled["is_nearly_full"] and all(process.is_ready for process in alive)
    body = {
        "status": ("ok" if is_whole else "degraded") if is_available else "unavailable",
        "scope": "cluster",
        "version": _version(),
        "is_compiled": not predictor.__file__.endswith(".py"),
        "uptime_seconds": _uptime(alive),
        "models": _models(names, live, states, alive, statistics.traffic(user, only=names)),
        "cache": {"prediction_cache": _cache(alive)},
        "memory": _memory(names, alive),
        "processes": _processes(names, alive, tells_hosts=user.is_staff),
        "spool": spooled,
        "breakers": _breakers(alive),
        "damaged": _damaged(names),
        "quarantined": _quarantined(names),
        "sandbox": _sandbox(),
    }
    return body, is_available


def _models(
    names: frozenset[str],
    live: dict[str, dict[str, Any]],
    states: dict[str, str],
    alive: list[ServingProcess],
    traffic: statistics.Traffic,
) -> dict[str, Any]:
    """Each model: the seed's keys over the last `window_hours`; `avg_latency` is in seconds."""
    told = {}
    for name in sorted(names):
        sums, entry = traffic.models[name].sums, live.get(name)
        told[name] = {
            "status": states.get(name, "not_live"),
            "version": entry and entry["number"],
            "load_policy": entry and entry["load_policy"],
            "loaded_in": live_states.loaded_in(entry, alive) if entry else 0,
            "prediction_count": sums.requests,
            "error_rate": sums.error_rate,
            "avg_latency": None if sums.mean_ms is None else sums.mean_ms / 1000,
            "window_hours": traffic.hours,
        }
    return told


def _cache(alive: list[ServingProcess]) -> dict[str, Any]:
    counted = processes.totals()
    hits, misses = counted.get("prediction_cache.hits", 0), counted.get("prediction_cache.misses", 0)
    return {
        "size": sum(process.facts.get("prediction_cache", {}).get("size", 0) for process in alive),
        "hits": hits,
        "misses": misses,
        "hit_rate": hits / (hits + misses) if hits + misses else None,
    }


def _memory(names: frozenset[str], alive: list[ServingProcess]) -> dict[str, Any]:
    """Sums over the processes; the limit is one process's. A model counts once for each process that holds it."""
    told = [process.facts["memory"] for process in alive if "memory" in process.facts]
    models: dict[str, int] = {}
    for process in alive:
        for loaded in process.facts.get("models", []):
            if loaded["model"] in names:
                name = f"{loaded['model']}:{loaded['version']}"
                models[name] = models.get(name, 0) + loaded["memory_bytes"]
    return {
        "current_bytes": sum(one["current_bytes"] for one in told),
        "peak_bytes": sum(one["peak_bytes"] for one in told),
        "limit_bytes_per_process": settings.PROCESS_MEMORY_BYTES,
        "within_limits": all(one["within_limits"] for one in told),
        "model_breakdown": dict(sorted(models.items())),
    }


def _processes(names: frozenset[str], alive: list[ServingProcess], *, tells_hosts: bool) -> dict[str, Any]:
    ready = sum(process.is_ready for process in alive)
    failed: dict[str, int] = {}
    for process in alive:
        for name in process.facts.get("failed", {}):
            if name.rpartition(":")[0] in names:
                failed[name] = failed.get(name, 0) + 1
    told: dict[str, Any] = {"alive": len(alive), "ready": ready, "not_ready": len(alive) - ready, "failed": failed}
    if tells_hosts:
        told["list"] = [
            {
                "host": process.host,
                "pid": process.pid,
                "is_ready": process.is_ready,
                "started_at": process.started_at,
                "heartbeat_at": process.heartbeat_at,
                "failed": {
                    name: why
                    for name, why in process.facts.get("failed", {}).items()
                    if name.rpartition(":")[0] in names
                },
            }
            for process in alive
        ]
    return told


def _spool(alive: list[ServingProcess]) -> dict[str, Any]:
    """What waits lies on the host that answers; what was given up is counted over all processes."""
    waiting = spool.pending()
    return {
        "scope": "host",
        "pending_bytes": waiting["bytes"],
        "oldest_seconds": waiting["oldest_seconds"],
        "rejected_bytes": waiting["rejected_bytes"],
        "disk_bytes": waiting["disk_bytes"],
        "max_bytes": waiting["max_bytes"],
        "is_nearly_full": waiting["disk_bytes"] >= _NEARLY * waiting["max_bytes"],
        "shortened": sum(process.facts.get("spool", {}).get("shortened", 0) for process in alive),
        "dropped": sum(process.facts.get("spool", {}).get("dropped", 0) for process in alive),
    }


def _breakers(alive: list[ServingProcess]) -> dict[str, str]:
    """The worst state of each over the processes."""
    worst: dict[str, str] = {}
    for process in alive:
        for name, state in process.facts.get("breakers", {}).items():
            worst[name] = max(worst.get(name, "closed"), state, key=_WORST.index)
    return worst


def _damaged(names: frozenset[str]) -> list[dict[str, Any]]:
    found = _shown(selectors.damaged_versions(), names).values_list("model__name", "number", "damage")
    return [{"model": name, "version": number, **(damage or {})} for name, number, damage in found]


def _quarantined(names: frozenset[str]) -> list[dict[str, Any]]:
    found = _shown(ModelVersion.objects.filter(quarantined_at__isnull=False), names).order_by("model__name", "number")
    rows = found.values_list("model__name", "number", "quarantined_at", "quarantine_reason")
    return [{"model": name, "version": number, "since": at, "reason": why} for name, number, at, why in rows]


def _shown(versions: QuerySet[ModelVersion], names: frozenset[str]) -> QuerySet[ModelVersion]:
    return versions.filter(model__name__in=names)


def _sandbox() -> dict[str, Any]:
    """The kernel layers of the host that answers; validation runs where `runjobs` does."""
    layers = validation.sandbox_layers()
    return {
        "scope": "host",
        "layers": layers,
        "code_uploads": settings.CODE_FORMATS_ENABLED and all(layers.values()),
        "missing": sorted(name for name, holds in layers.items() if not holds),
    }


def _version() -> str | None:
    try:
        return version("mlplatform")
    except PackageNotFoundError:
        return None


def _uptime(alive: list[ServingProcess]) -> float:
    """For how long the oldest living process has served."""
    began = min((process.started_at for process in alive), default=None)
    return 0.0 if began is None else (timezone.now() - began).total_seconds()
