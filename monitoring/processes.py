"""What each serving process says about itself, so that no page shows one process's numbers as the platform's.

`facts` is free-form JSON. The dashboard shows these keys when they are there: `models` (a list of objects
with `model` and `version`), `failed` (an object whose keys are models that can't be loaded) and `rss_bytes`.
`counters` (names to numbers that only grow) are added up over processes and outlive them.
"""

import uuid
from collections import Counter
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from monitoring.models import EndedCounter, ServingProcess


def register(host: str, pid: int) -> ServingProcess:
    """A new row for a process that has just begun."""
    return ServingProcess.objects.create(host=host, pid=pid)


def beat(id: uuid.UUID, is_ready: bool, facts: dict[str, Any]) -> bool:
    """Say that the process lives. False when its row is gone: then the process must register again."""
    changed = ServingProcess.objects.filter(pk=id).update(heartbeat_at=timezone.now(), is_ready=is_ready, facts=facts)
    return bool(changed)


def live(within_seconds: float) -> QuerySet[ServingProcess]:
    """Processes that have reported within that many seconds."""
    return ServingProcess.objects.filter(heartbeat_at__gte=timezone.now() - timedelta(seconds=within_seconds))


def named(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Host and process id, `web1:4711`, of those processes that are still known."""
    found = ServingProcess.objects.filter(pk__in=ids).values_list("pk", "host", "pid")
    return {pk: f"{host}:{pid}" for pk, host, pid in found}


def facts() -> list[dict[str, Any]]:
    """What each process that is known last said of itself."""
    return list(ServingProcess.objects.values_list("facts", flat=True))


def totals() -> dict[str, int]:
    """The sums of all processes' `counters`, of those that ended too.

    A process that was killed counts as it last said, so what it did in its last second may be missing.
    """
    sums = dict(EndedCounter.objects.values_list("name", "value"))
    for said in facts():
        for name, value in _counters(said).items():
            sums[name] = sums.get(name, 0) + value
    return sums


def remove(id: uuid.UUID) -> None:
    """Forget a process that ends; its counters stay in the totals."""
    _forget(ServingProcess.objects.filter(pk=id))


def prune(older: float) -> int:
    """Forget processes that have been silent for more than `older` seconds; returns how many."""
    return _forget(ServingProcess.objects.filter(heartbeat_at__lt=timezone.now() - timedelta(seconds=older)))


def _forget(ended: QuerySet[ServingProcess]) -> int:
    """Delete rows and add their counters to those of processes that ended, in one transaction."""
    with transaction.atomic():
        rows = list(ended.select_for_update().order_by("pk"))
        sums: Counter[str] = Counter()
        for row in rows:
            sums.update(_counters(row.facts))
        for name in sorted(name for name in sums if sums[name]):
            counter, _ = EndedCounter.objects.get_or_create(name=name)
            EndedCounter.objects.filter(pk=counter.pk).update(value=F("value") + sums[name])
        ServingProcess.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _counters(said: dict[str, Any]) -> dict[str, int]:
    return {name: value for name, value in said.get("counters", {}).items() if isinstance(value, int)}
