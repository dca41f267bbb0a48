"""Reading propositions and what became of them, for people."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from accounts import metrics
from registry import resolver
from registry import selectors as registry_selectors
from solutions.propositions import MODEL, knowledge, suggestion_cache
from solutions.propositions.errors import PropositionNotFound
from solutions.propositions.features.history import EventType
from solutions.propositions.models import Interaction, Proposition
from solutions.propositions.pricing import price_of

_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
MOST_VERSIONS = 50


def proposition(proposition_id: str) -> Proposition:
    """Raises PropositionNotFound."""
    found = Proposition.objects.filter(ref=proposition_id).first()
    if found is None:
        raise PropositionNotFound(f"There is no proposition {proposition_id!r}.")
    return found


def interactions() -> QuerySet[Interaction]:
    """What was logged, the newest first, with what each was about."""
    return Interaction.objects.select_related("proposition").order_by("-recorded_at", "-id")


def features_of(user_id: str) -> dict[str, Any]:
    """What is said of a user, and what is derived from what they did."""
    now = timezone.now()
    known = knowledge.of_user(user_id, at=now)
    usual = known.mean_log_price
    return {
        "user_id": user_id,
        "interests": sorted(known.stated.interests),
        "budget": known.stated.budget,
        "impressions": known.total.impressions,
        "clicks": known.total.clicks,
        "categories": {
            name: {"impressions": sums.impressions, "clicks": sums.clicks}
            for name, sums in sorted(known.by_category.items())
        },
        "usual_price": None if usual is None else price_of(usual),
        "last_seen_at": None if known.last_at is None else knowledge.moment(known.last_at),
    }


def versions(user: Any) -> QuerySet[Any]:
    """The versions of the ranking model, the newest first, with `is_active`. Raises ModelNotFound."""
    return registry_selectors.versions_with_live(resolver.find_model(MODEL, user=user))


def performance(user: Any) -> list[dict[str, Any]]:
    """A row for each measured number of the newest versions. Raises ModelNotFound."""
    return [
        {"version": version.number, "is_active": version.is_active, **metric}
        for version in versions(user).defer(*registry_selectors.DETAILS)[:MOST_VERSIONS]
        for metric in version.metrics
    ]


def cache_stats() -> dict[str, Any]:
    """Of this host's processes."""
    return _cache_stats(_counted_by_source())


def metrics_told() -> dict[str, Any]:
    """Requests, latency and the cache of this host's processes; what was shown and clicked in the last day."""
    by_source, buckets = _counted_by_source(), _latency_buckets()
    total = sum(by_source.values())
    return {
        "scope": "host",
        "requests": total,
        "by_source": by_source,
        "degraded_rate": by_source.get("rules", 0) / total if total else None,
        "latency_ms": {name: _quantile(buckets, share) for name, share in _SHARES.items()},
        "cache": _cache_stats(by_source),
        "last_day": clicks_since(timedelta(days=1)),
    }


def clicks_since(span: timedelta) -> dict[str, Any]:
    """Impressions and clicks that the platform got to know of within the span, on all hosts."""
    counted = Interaction.objects.filter(recorded_at__gte=timezone.now() - span).aggregate(
        impressions=Count("id", filter=Q(event_type=EventType.IMPRESSION)),
        clicks=Count("id", filter=Q(event_type=EventType.CLICK)),
    )
    shown = counted["impressions"]
    return {**counted, "click_rate": counted["clicks"] / shown if shown else None}


def _cache_stats(by_source: dict[str, int]) -> dict[str, Any]:
    hits, misses = by_source.get("cached", 0), by_source.get("model", 0)
    return {
        "size": suggestion_cache.size(),
        "hits": hits,
        "misses": misses,
        "hit_rate": hits / (hits + misses) if hits + misses else None,
        "ttl_seconds": settings.PROPOSITIONS_CACHE_SECONDS,
        "is_shared": bool(settings.REDIS_URL),
        "scope": "host",
    }


def _samples(name: str) -> list[Any]:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(settings.METRICS_DIR))
    return [sample for family in registry.collect() if family.name == name for sample in family.samples]


def _counted_by_source() -> dict[str, int]:
    return {
        sample.labels["source"]: int(sample.value)
        for sample in _samples(metrics.SUGGESTIONS._name)
        if sample.name.endswith("_total")
    }


def _latency_buckets() -> list[tuple[float, float]]:
    """(upper bound in seconds, requests up to it), over all sources."""
    sums: dict[float, float] = {}
    for sample in _samples(metrics.SUGGESTION_SECONDS._name):
        if sample.name.endswith("_bucket"):
            bound = float(sample.labels["le"])
            sums[bound] = sums.get(bound, 0.0) + sample.value
    return sorted(sums.items())


def _quantile(buckets: list[tuple[float, float]], share: float) -> float | None:
    """In milliseconds, between the bounds of its bucket as Prometheus' histogram_quantile has it."""
    if not buckets or not buckets[-1][1]:
        return None
    wanted, below, before = share * buckets[-1][1], 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted:
            if bound == float("inf"):
                return below * 1000
            part = (wanted - before) / (count - before) if count > before else 1.0
            return (below + (bound - below) * part) * 1000
        below, before = bound, count
    return None
