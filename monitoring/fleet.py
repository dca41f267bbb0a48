"""The serving processes as people look at them: what each holds, how full it is, how its caches do."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from monitoring import processes
from monitoring.models import ServingProcess

LIVE_SECONDS = 60.0
STALE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Gauge:
    """Something against its limit; a limit of 0 or None means that there is none."""

    value: float
    limit: float | None

    @property
    def percent(self) -> float | None:
        """At most 100."""
        return min(100.0, 100.0 * self.value / self.limit) if self.limit else None

    @property
    def tone(self) -> str:
        """How alarming it is: a class of the style sheet."""
        percent = self.percent
        return "info" if percent is None or percent < 75 else "warning" if percent < 95 else "danger"


@dataclass(frozen=True, slots=True)
class Held:
    """A version that a process has loaded, or several processes together."""

    model: str
    version: int
    memory_bytes: int
    load_ms: float
    running: int = 0
    waiting: int = 0
    refused: int = 0
    late: int = 0
    joined_requests: int = 0
    recent_ms: float | None = None
    is_cached: bool = False

    @property
    def name(self) -> str:
        return f"{self.model}:{self.version}"


@dataclass(frozen=True, slots=True)
class Process:
    """One serving process as it last described itself. `state`: ready, loading or silent."""

    row: ServingProcess
    state: str
    models: list[Held]
    failed: dict[str, str]
    memory: Gauge
    peak_bytes: int
    answers: Gauge
    model_bytes: Gauge
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def hit_share(self) -> float | None:
        """Share of the questions to its prediction cache that were answered."""
        return share(self.counters, "prediction_cache")

    @property
    def evictions(self) -> int:
        """Answers and models that were pushed out."""
        return sum(self.counters.get(f"{kind}_cache.evictions", 0) for kind in ("prediction", "model"))


@dataclass(frozen=True, slots=True)
class Fleet:
    """All processes that were heard of in the last minute; `totals` also of those that ended."""

    processes: list[Process]
    totals: dict[str, int]

    @property
    def ready(self) -> int:
        return sum(process.state == "ready" for process in self.processes)

    @property
    def memory(self) -> Gauge:
        """Resident memory against the limits, where every process has one."""
        gauges = [process.memory for process in self.processes]
        limits = [gauge.limit for gauge in gauges]
        return Gauge(sum(gauge.value for gauge in gauges), sum(limit or 0 for limit in limits) if all(limits) else None)

    @property
    def running(self) -> int:
        return sum(held.running for process in self.processes for held in process.models)

    @property
    def waiting(self) -> int:
        """Requests that wait for their model."""
        return sum(held.waiting for process in self.processes for held in process.models)

    @property
    def hit_share(self) -> float | None:
        return share(self.totals, "prediction_cache")

    def loaded_in(self) -> Counter[str]:
        """`model:version` to the number of processes that hold it."""
        return Counter(held.name for process in self.processes for held in process.models)


def share(counters: dict[str, int], cache: str) -> float | None:
    """The share of hits of one of the caches; None before anything was asked."""
    hits, misses = counters.get(f"{cache}.hits", 0), counters.get(f"{cache}.misses", 0)
    return hits / (hits + misses) if hits + misses else None


def read(names: Collection[str], now: datetime) -> Fleet:
    """Telling of the models with these names only. Three queries."""
    rows = processes.live(LIVE_SECONDS)
    return Fleet([_process(row, names, now) for row in rows], processes.totals())


def _process(row: ServingProcess, names: Collection[str], now: datetime) -> Process:
    facts = row.facts
    silent = (now - row.heartbeat_at).total_seconds() > STALE_SECONDS
    cache, models, memory = (_dict(facts.get(name)) for name in ("prediction_cache", "model_cache", "memory"))
    return Process(
        row=row,
        state="silent" if silent else "ready" if row.is_ready else "loading",
        models=_held(facts.get("models"), names),
        failed={
            name: str(why)
            for name, why in sorted(_dict(facts.get("failed")).items())
            if name.rpartition(":")[0] in names
        },
        memory=Gauge(_number(facts.get("rss_bytes")), _number(memory.get("limit_bytes"))),
        peak_bytes=int(_number(memory.get("peak_bytes"))),
        answers=Gauge(_number(cache.get("size")), _number(cache.get("max_size"))),
        model_bytes=Gauge(_number(models.get("bytes")), _number(models.get("max_bytes"))),
        counters={name: value for name, value in _dict(facts.get("counters")).items() if isinstance(value, int)},
    )


def _held(said: Any, names: Collection[str]) -> list[Held]:
    entries: Iterable[Any] = said if isinstance(said, list) else []
    found = [_one(_dict(entry)) for entry in entries if _dict(entry).get("model") in names]
    return sorted(found, key=lambda held: (-held.memory_bytes, held.name))


def _one(entry: dict[str, Any]) -> Held:
    counts = {name: int(_number(entry.get(name))) for name in ("running", "waiting", "refused", "late")}
    return Held(
        model=str(entry["model"]),
        version=int(_number(entry.get("version"))),
        memory_bytes=int(_number(entry.get("memory_bytes"))),
        load_ms=_number(entry.get("load_ms")),
        joined_requests=int(_number(entry.get("joined_requests"))),
        recent_ms=entry.get("recent_ms") if isinstance(entry.get("recent_ms"), int | float) else None,
        is_cached=bool(entry.get("is_cached")),
        **counts,
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) else 0
