"""A made-up day before the pictures are taken, so that their charts have a course: `make screenshots` calls it.

It copies the predictions that the demo's models have answered, with new ids, and times spread over the last 26 hours as
people's days go. Only for a platform whose records nobody needs.
"""

import math
import os
import random
import time
import uuid
from typing import Any

import django

HOURS = 26
RECORDS_PER_MODEL = 2_500


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
