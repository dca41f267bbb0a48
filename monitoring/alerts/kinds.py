"""What each kind of rule finds wrong now, in a constant number of queries; from rollups, never from records."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Max, Sum

from monitoring import histogram, processes
from monitoring.alerts.models import AlertRule, Kind
from monitoring.drift.models import DriftCheck
from monitoring.models import Resolution, Rollup, ServingProcess
from monitoring.sums import Sums, gathered
from registry import selectors as registry_selectors
from registry.models import Deployment, ModelVersion, RegisteredModel, Status

_SILENT_BEATS = 5
_DAY = timedelta(days=1)
# A burn that the long window tells must still be going on in the short one: a twelfth of it.
_SHORT = 12


@dataclass(frozen=True, slots=True)
class Found:
    """Something wrong: the number that was judged, what to tell, and the model it is about."""

    value: float
    text: str
    model_id: int | None = None


Findings = dict[str, Found]
"""By subject."""


def find(rule: AlertRule, now: datetime) -> Findings:
    """What breaks the rule."""
    return _KINDS[Kind(rule.kind)](rule, now)


RUNBOOKS = {
    Kind.ERRORS: "prediction-errors",
    Kind.LATENCY: "prediction-latency",
    Kind.NO_TRAFFIC: "no-traffic",
    Kind.DRIFT: "drift",
    Kind.QUEUE: "queue",
    Kind.RECORDS_LATE: "records-late",
    Kind.RECORDS_DROPPED: "records-dropped",
    Kind.BREAKER: "breaker-open",
    Kind.DAMAGED: "damaged-files",
    Kind.NOT_LOADED: "model-not-loaded",
    Kind.PROCESSES: "processes",
    Kind.VALIDATION: "validation",
}
"""The section of docs/runbooks.md that says what to do."""


def runbook(kind: str) -> str:
    """Where it says what to do, for who is told from afar: an address, where RUNBOOKS_URL or ALERT_SITE_URL gives one,
    else the page in the source."""
    here = f"{settings.ALERT_SITE_URL.rstrip('/')}/admin/runbooks" if settings.ALERT_SITE_URL else "docs/runbooks.md"
    return (settings.RUNBOOKS_URL or here) + runbook_section(kind)


def runbook_section(kind: str) -> str:
    """The part of the address that leads to the section: `#drift`. Empty for a kind of another release."""
    return f"#{RUNBOOKS[Kind(kind)]}" if kind in RUNBOOKS else ""


# -- Predictions, from the rollups --------------------------------------------------------------------


def _errors(rule: AlertRule, now: datetime) -> Findings:
    found = {}
    for model_id, (name, sums) in _sums(rule, now, rule.window_seconds).items():
        rate = sums.error_rate
        if rate is not None and sums.requests >= max(1, rule.minimum) and rate > rule.threshold:
            text = f"{rate:.1%} of {sums.requests} predictions of {name} failed in {_span(rule.window_seconds)}."
            found[name] = Found(rate, text, model_id)
    return found


def _latency(rule: AlertRule, now: datetime) -> Findings:
    """Burn rate: how many times faster than the objective allows its budget is used, in a long and a short window."""
    short = _sums(rule, now, max(60, rule.window_seconds // _SHORT))
    found = {}
    for model_id, (name, sums) in _sums(rule, now, rule.window_seconds).items():
        if sums.requests < max(1, rule.minimum) or model_id not in short:
            continue
        burns = [_burn(rule, one) for one in (sums, short[model_id][1])]
        if min(burns) > rule.threshold:
            share = burns[0] * (1 - rule.objective_share)
            text = (
                f"{share:.1%} of the predictions of {name} took longer than {rule.objective_ms:g} ms in"
                f" {_span(rule.window_seconds)}: {burns[0]:.1f} times the budget."
            )
            found[name] = Found(burns[0], text, model_id)
    return found


def _burn(rule: AlertRule, sums: Sums) -> float:
    limit, total = histogram.bucket_of(rule.objective_ms), sum(sums.counts.values())
    slow = sum(count for bucket, count in sums.counts.items() if bucket > limit)
    return slow / total / (1 - rule.objective_share) if total else 0.0


def _no_traffic(rule: AlertRule, now: datetime) -> Findings:
    """Live models that were asked often on the day before and not at all since."""
    live = Deployment.objects.filter(closed_at=None, model__archived_at=None).values("model")
    since = now - timedelta(seconds=rule.window_seconds)
    minutes = Rollup.objects.filter(resolution=Resolution.MINUTE, start__gte=since)
    asked_now = set(minutes.values_list("model_id", flat=True).distinct())
    before = Rollup.objects.filter(
        resolution=Resolution.QUARTER, start__gte=since - _DAY, start__lt=since, model__in=live, **_only(rule)
    )
    sums = before.values_list("model_id", "model__name").annotate(total=Sum("requests"))
    return {
        name: Found(
            total,
            f"Nobody asked {name} anything in {_span(rule.window_seconds)}; {total} times the day before.",
            model_id,
        )
        for model_id, name, total in sums
        if model_id not in asked_now and total >= max(1, rule.minimum)
    }


def _sums(rule: AlertRule, now: datetime, seconds: int) -> dict[int, tuple[str, Sums]]:
    """Name and sums of each model over the last `seconds`, in whole steps."""
    resolution = Resolution.MINUTE if seconds <= 7200 else Resolution.QUARTER
    since = now - timedelta(seconds=seconds)
    rows = Rollup.objects.filter(resolution=resolution, start__gte=since, **_only(rule))
    return {model_id: (name, sums) for (model_id, name), sums in gathered(rows, "model_id", "model__name").items()}


def _only(rule: AlertRule) -> dict[str, Any]:
    return {"model": rule.model_id} if rule.model_id else {}


# -- Models and processes -----------------------------------------------------------------------------


def _drift(rule: AlertRule, now: datetime) -> Findings:
    """Live versions whose last look found more drifted features than `threshold`."""
    since = now - timedelta(seconds=rule.window_seconds)
    live = Deployment.objects.filter(closed_at=None, model__archived_at=None, **_only(rule)).values("version")
    last = DriftCheck.objects.filter(version__in=live, checked_at__gte=since).values("version").annotate(last=Max("pk"))
    checks = DriftCheck.objects.filter(pk__in=last.values("last"), is_drifted=True, drifted__gt=rule.threshold)
    return {
        f"{check.model.name}:{check.version.number}": Found(
            check.drifted,
            f"{check.drifted} of {check.features} features of {check.model.name}:{check.version.number} have drifted.",
            check.model_id,
        )
        for check in checks.select_related("model", "version")
    }


def _damaged(rule: AlertRule, now: datetime) -> Findings:
    return {
        f"{version.model.name}:{version.number}": Found(
            1.0,
            f"A stored file of {version.model.name}:{version.number} is damaged:"
            f" {(version.damage or {}).get('code', 'unknown')}.",
            version.model_id,
        )
        for version in registry_selectors.damaged_versions().filter(**_only(rule)).select_related("model")
    }


def _not_loaded(rule: AlertRule, now: datetime) -> Findings:
    failing: dict[str, int] = {}
    for process in _living():
        for name in process.facts.get("failed", {}):
            failing[name] = failing.get(name, 0) + 1
    ids = _ids({name.rpartition(":")[0] for name in failing})
    return {
        name: Found(count, f"{count} processes can't load {name}.", ids.get(name.rpartition(":")[0]))
        for name, count in failing.items()
        if count > rule.threshold and _concerns(rule, ids.get(name.rpartition(":")[0]))
    }


def _queue(rule: AlertRule, now: datetime) -> Findings:
    waiting: dict[str, int] = {}
    for process in _living():
        for loaded in process.facts.get("models", []):
            waiting[loaded["model"]] = waiting.get(loaded["model"], 0) + loaded.get("waiting", 0)
    busy = {name: count for name, count in waiting.items() if count > rule.threshold}
    ids = _ids(set(busy))
    return {
        name: Found(count, f"{count} requests wait for {name}.", ids.get(name))
        for name, count in busy.items()
        if _concerns(rule, ids.get(name))
    }


def _breaker(rule: AlertRule, now: datetime) -> Findings:
    open_in: dict[str, int] = {}
    for process in _living():
        for name, state in process.facts.get("breakers", {}).items():
            if state == "open":
                open_in[name] = open_in.get(name, 0) + 1
    return {
        name: Found(count, f"{count} processes leave {name} alone: it does not answer.")
        for name, count in open_in.items()
        if count > rule.threshold
    }


def _processes(rule: AlertRule, now: datetime) -> Findings:
    """Only where something is live: a platform without a model has nothing to serve."""
    if not Deployment.objects.filter(closed_at=None, model__archived_at=None).exists():
        return {}
    living = _living()
    ready = sum(process.is_ready for process in living)
    if ready > rule.threshold:
        return {}
    return {"": Found(ready, f"{ready} of {len(living)} serving processes are ready.")}


def _validation(rule: AlertRule, now: datetime) -> Findings:
    waiting = ModelVersion.objects.filter(
        status=Status.PENDING, created_at__lt=now - timedelta(seconds=rule.window_seconds), **_only(rule)
    ).count()
    if waiting <= rule.threshold:
        return {}
    text = f"{waiting} uploads have waited for validation for more than {_span(rule.window_seconds)}."
    return {"": Found(waiting, text)}


# -- Records ------------------------------------------------------------------------------------------


def _records_late(rule: AlertRule, now: datetime) -> Findings:
    oldest: dict[str, float] = {}
    for process in _living():
        age = process.facts.get("spool_oldest_seconds") or 0.0
        oldest[process.host] = max(age, oldest.get(process.host, 0.0))
    return {
        host: Found(age, f"Prediction records of {host} have waited {age:.0f} s for the database.")
        for host, age in oldest.items()
        if age > rule.threshold
    }


def _records_dropped(rule: AlertRule, now: datetime) -> Findings:
    """The count of all processes only grows: what it grew by is wrong for `window_seconds`."""
    total = processes.totals().get("spool.dropped", 0)
    known = rule.memory.get("total")
    if known is None or total < known:
        rule.memory = {"total": total}
    elif total > known:
        rule.memory = {"total": total, "grew_by": total - known, "grew_at": now.timestamp()}
    grew = rule.memory.get("grew_by", 0)
    is_recent = now.timestamp() - rule.memory.get("grew_at", 0.0) < rule.window_seconds
    if not is_recent or grew <= rule.threshold:
        return {}
    return {"": Found(grew, f"{grew} prediction records were given up: a spool is full.")}


# -- Helpers ------------------------------------------------------------------------------------------


def _living() -> list[ServingProcess]:
    return list(processes.live(_SILENT_BEATS * settings.HEARTBEAT_SECONDS))


def _ids(names: set[str]) -> dict[str, int]:
    return dict(RegisteredModel.objects.filter(name__in=names).values_list("name", "pk")) if names else {}


def _concerns(rule: AlertRule, model_id: int | None) -> bool:
    return rule.model_id is None or rule.model_id == model_id


def _span(seconds: int) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0 and seconds >= size:
            return f"{seconds // size} {unit}{'s' if seconds > size else ''}"
    return f"{seconds} seconds"


_KINDS: dict[Kind, Callable[[AlertRule, datetime], Findings]] = {
    Kind.ERRORS: _errors,
    Kind.LATENCY: _latency,
    Kind.NO_TRAFFIC: _no_traffic,
    Kind.DRIFT: _drift,
    Kind.QUEUE: _queue,
    Kind.RECORDS_LATE: _records_late,
    Kind.RECORDS_DROPPED: _records_dropped,
    Kind.BREAKER: _breaker,
    Kind.DAMAGED: _damaged,
    Kind.NOT_LOADED: _not_loaded,
    Kind.PROCESSES: _processes,
    Kind.VALIDATION: _validation,
}
