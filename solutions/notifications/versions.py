"""The model behind the calls: which version is live, switching it, and what it did."""

from collections.abc import Callable
from typing import Any

from django.conf import settings

from accounts.models import User
from accounts.principal import Principal
from inference import activation, clearing
from monitoring import processes, statistics
from registry import generation, services
from registry.models import Deployment, ModelVersion, RegisteredModel
from solutions import asking
from solutions.errors import NotTrained, StateForbids, ThingNotFound
from solutions.notifications import MODEL, actions
from solutions.notifications.services import MAX_BATCH


class VersionUnknown(ThingNotFound):
    """The model has no such version."""


class VersionAmbiguous(StateForbids):
    """Several versions carry the tag."""

    code = "ambiguous_version"


def live(by: Principal) -> tuple[RegisteredModel, Deployment]:
    """The model as the caller may see it, and the ledger's open entry. Raises NotTrained."""
    model = asking.model_for(principal=by, model=MODEL)
    entry = model.open_deployment()
    if entry is None:
        raise NotTrained(f"No version of {MODEL} is live.", model=MODEL)
    return model, entry


def info(by: Principal) -> dict[str, Any]:
    """What is live, as plain values."""
    model, entry = live(by)
    version = entry.version
    return {
        "model": model.name,
        "version": version.number,
        "status": version.status,
        "activated_at": entry.activated_at,
        "created_at": version.created_at,
        "classes": (version.signature or {}).get("classes") or [],
        "actions": {
            label: {"action": str(rule.action), "threshold": rule.threshold, "below": str(rule.below)}
            for label, rule in sorted(actions.rules_of(version.pk).items())
        },
        "metrics": version.metrics,
        "runtime": version.runtime,
        "size_bytes": version.size_bytes,
        "sha256": version.sha256,
        "max_batch": min(MAX_BATCH, model.max_batch_rows),
    }


def find(model: RegisteredModel, wanted: int | str) -> ModelVersion:
    """A version by its number, `v3`, or one of its tags. Raises VersionUnknown, VersionAmbiguous."""
    text = str(wanted).strip()
    digits = text[1:] if text[:1] in ("v", "V") else text
    if digits.isascii() and digits.isdigit() and len(digits) < 10:
        found = list(model.versions.select_related("model").filter(number=int(digits))[:1])
    else:
        tagged = model.versions.select_related("model").only("pk", "number", "tags", "model")
        found = [version for version in tagged if text in version.tags]
    if not found:
        raise VersionUnknown(f"{model.name} has no version {text!r}.", field="version")
    if len(found) > 1:
        numbers = sorted(version.number for version in found)
        raise VersionAmbiguous(f"Versions {numbers} carry the tag {text!r}: say which.", field="version")
    return ModelVersion.objects.select_related("model").get(pk=found[0].pk)


def switch(*, by: Principal, wanted: int | str, note: str, within: Callable[[Deployment], None]) -> Deployment:
    """Make another version live, staged, so that no request fails. Raises NotTrained, VersionUnknown,
    VersionAmbiguous, and what an activation raises."""
    model = asking.model_for(principal=by, model=MODEL)
    return activation.activate(version=find(model, wanted), by=by.user, note=note, within=within)


def rollback(*, by: Principal, note: str, within: Callable[[Deployment], None]) -> Deployment:
    """Make live again what was live before. Raises NotTrained, and what a roll back raises."""
    model = asking.model_for(principal=by, model=MODEL)
    return activation.rollback(model=model, by=by.user, note=note, within=within)


def reload(*, by: Principal) -> tuple[Deployment, dict[str, Any]]:
    """Have every serving process check the live version's file and its golden answers, loading it where it is not
    loaded, while requests are answered. The ledger's entry, and what the processes found.

    Raises NotTrained, Forbidden, ActivationFailed.
    """
    _, entry = live(by)
    version = ModelVersion.objects.select_related("model").get(pk=entry.version_id)
    found = activation.warm_up(version=version, by=by.user)
    # Other hosts and the rules of actions follow, too.
    generation.signal()
    return entry, found


def performance(by: Principal, *, hours: int) -> dict[str, Any]:
    """What requests did over the last hours, over all processes; see `monitoring.statistics`."""
    model = asking.model_for(principal=by, model=MODEL)
    entry = model.open_deployment()
    found = statistics.traffic(by.user, only={MODEL}, hours=hours)
    told = found.models[MODEL]
    facts = statistics.as_facts(told.sums)
    return {
        "scope": "cluster",
        "hours": found.hours,
        "version": entry.version.number if entry else None,
        **_named(facts),
        "versions": {
            str(number): _named(statistics.as_facts(sums))
            for number, sums in sorted(told.versions.items(), key=lambda pair: pair[0] or 0)
            if number is not None
        },
    }


def _named(facts: dict[str, Any]) -> dict[str, Any]:
    """The platform's facts under the seed's names."""
    return {
        "total_predictions": facts["prediction_count"],
        "total_notifications": facts["instance_count"],
        "error_count": facts["error_count"],
        "error_rate": facts["error_rate"],
        "cache_hit_rate": _hits(facts)["hit_rate"],
        **{f"{name}_inference_time_ms": value for name, value in facts["latency_ms"].items()},
    }


def cache_stats(by: Principal, *, hours: int = statistics.USUAL_HOURS) -> dict[str, Any]:
    """The prediction caches of all processes since they began, and this model's own hits over the last hours."""
    model = asking.model_for(principal=by, model=MODEL)
    counts, told = processes.totals(), processes.facts()
    hits, misses = counts.get("prediction_cache.hits", 0), counts.get("prediction_cache.misses", 0)
    of_model = statistics.as_facts(statistics.traffic(by.user, only={MODEL}, hours=hours).models[MODEL].sums)
    ttl = model.cache_ttl_seconds
    return {
        "scope": "cluster",
        "size": sum(facts.get("prediction_cache", {}).get("size", 0) for facts in told),
        "max_size": settings.CACHE_MAX_SIZE,
        "ttl_seconds": round(settings.CACHE_DEFAULT_TTL if ttl is None else ttl),
        "hits": hits,
        "misses": misses,
        "evictions": counts.get("prediction_cache.evictions", 0),
        "hit_rate": hits / (hits + misses) if hits + misses else None,
        "model": {"name": MODEL, "hours": hours, **_hits(of_model)},
    }


def _hits(facts: dict[str, Any]) -> dict[str, Any]:
    hits = facts["outcomes"].get("cached", 0)
    answered = hits + facts["outcomes"].get("ok", 0)
    return {"hits": hits, "misses": answered - hits, "hit_rate": hits / answered if answered else None}


def clear_cache(*, by: Principal) -> int:
    """Have every process forget its remembered answers; how many there were. Raises NotTrained, Forbidden."""
    model = asking.model_for(principal=by, model=MODEL)
    user: User = by.user
    services.check_may_activate(user, model)
    return clearing.clear_everywhere(by=user)
