"""A made-up day before the pictures are taken, so that their charts have a course: `make screenshots` calls it.

It copies the predictions that the demo's models have answered, with new ids, and times spread over the last 26 hours as
people's days go. Only for a platform whose records nobody needs.
"""

import math
import os
import random
import time
import uuid
from datetime import timedelta
from typing import Any

import django

HOURS = 26
RECORDS_PER_MODEL = 2_500
LABELLED = "breast-cancer"


def main() -> None:
    """Append the copies to the spool, and load them."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlplatform.settings")
    django.setup()
    from monitoring import spool
    from monitoring.models import PredictionLog
    from monitoring.spool.writer import writer

    chance = random.Random(7)  # noqa: S311 - nothing secret: the pictures should come out alike
    now = time.time()
    models = PredictionLog.objects.order_by("model").values_list("model", flat=True).distinct()
    for model in list(models):
        known = list(PredictionLog.objects.filter(model=model).order_by("created_at", "pk")[:200])
        for _ in range(RECORDS_PER_MODEL):
            spool.append(_copied(chance.choice(known), now - _ago(chance), chance))
        spool.ship_once()
    writer.let_go()
    spool.take_over()
    _tell_what_came_true(chance)
    _look_for_drift()
    _raise_alarms()


def _tell_what_came_true(chance: random.Random) -> None:
    """Labels of some predictions, most of them what was answered."""
    from monitoring.models import PredictionLog
    from monitoring.outcomes import giving, items
    from registry.models import RegisteredModel

    model = RegisteredModel.objects.get(name=LABELLED)
    answered = PredictionLog.objects.filter(model=model, outcome__in=("ok", "cached"), instance_count=1)
    given = []
    for record in answered.order_by("-created_at")[:500]:
        said = record.output["predictions"][0]
        others = [name for name in record.version.signature["classes"] if name != said]
        given.append(items.given(prediction_id=record.pk, label=said if chance.random() < 0.93 else others[0]))
    giving.give(items=given, by=model.owner)


def _look_for_drift() -> None:
    from monitoring.drift import checking, references
    from registry.models import Deployment

    for entry in Deployment.objects.filter(closed_at=None, model__name=LABELLED).select_related("version"):
        if references.current(entry.version_id) is None:
            references.from_window(version=entry.version, by=entry.version.model.owner)
        checking.check(entry.version, hours=HOURS)


def _raise_alarms() -> None:
    """A rule that is broken, which the job runner will notice, and an error as the log would have had it."""
    from django.utils import timezone

    from monitoring.alerts.models import AlertRule, Kind
    from monitoring.error_groups.models import ErrorGroup
    from registry.models import RegisteredModel

    AlertRule.objects.update_or_create(
        name=f"{LABELLED}-at-once",
        defaults={
            "kind": Kind.LATENCY, "model": RegisteredModel.objects.get(name=LABELLED), "objective_ms": 0.05,
            "objective_share": 0.5, "threshold": 1.0, "window_seconds": 86_400,
        },
    )  # fmt: skip
    now = timezone.now()
    ErrorGroup.objects.update_or_create(
        fingerprint="d" * 32,
        defaults={
            "kind": "django.db.utils.OperationalError", "place": "monitoring.spool.shipper",
            "message": "prediction records can't be loaded, they wait in the spool: database is locked", "count": 3,
            "process": "web", "first_seen_at": now - timedelta(hours=5), "last_seen_at": now,
        },
    )  # fmt: skip


def _ago(chance: random.Random) -> float:
    """Seconds before now: more in what was the day, fewer in what was the night."""
    while True:
        ago = chance.uniform(0, HOURS * 3600)
        if chance.random() < 0.55 + 0.45 * math.cos(2 * math.pi * ago / 86_400):
            return ago


def _copied(record: Any, at: float, chance: random.Random) -> dict[str, Any]:
    """A record of the spool that says what `record` says, at another time."""
    latency_ms = record.latency_ms * chance.lognormvariate(0, 0.35)
    return {
        "id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "request_id": uuid.UUID(int=chance.getrandbits(128)).hex,
        "at": at,
        "model_id": record.model_id,
        "version_id": record.version_id,
        "user_id": record.user_id,
        "key_id": str(record.api_key_id) if record.api_key_id else None,
        "subject_id": record.subject_id,
        "outcome": record.outcome,
        "status_code": record.status_code,
        "error_code": record.error_code,
        "instance_count": record.instance_count,
        "latency_ms": latency_ms,
        "inference_ms": min(latency_ms, record.inference_ms or 0.0),
        "confidence": record.confidence,
        "input": record.input,
        "output": record.output,
    }


if __name__ == "__main__":
    main()
