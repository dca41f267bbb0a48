"""What each serving process says about itself, so that no page shows one process's numbers as the platform's.

`facts` is free-form JSON. The dashboard shows these keys when they are there: `models` (a list of objects
with `model` and `version`), `failed` (an object whose keys are models that can't be loaded) and `rss_bytes`.
"""

import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from monitoring.models import ServingProcess


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


def remove(id: uuid.UUID) -> None:
    """Forget a process that ends."""
    ServingProcess.objects.filter(pk=id).delete()


def prune(older: float) -> int:
    """Forget processes that have been silent for more than `older` seconds; returns how many."""
    return ServingProcess.objects.filter(heartbeat_at__lt=timezone.now() - timedelta(seconds=older)).delete()[0]
