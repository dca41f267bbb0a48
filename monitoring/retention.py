"""Old records and old sums go: whole days where the log has partitions, bounded bites everywhere else.

How long a model's records stay is its own (`record_retention_days`) or the platform's (RECORD_RETENTION_DAYS); 0 is for
good. Sums live longer than what they sum up, and longer the coarser they are.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils import timezone

from monitoring import partitions
from monitoring.models import PredictionLog, Resolution, Rollup
from monitoring.sum_models import AnswerRollup, ClientRollup, LimitHits
from registry.models import RegisteredModel

_SUMS: tuple[type[Model], ...] = (Rollup, ClientRollup, AnswerRollup, LimitHits)
BITE = 2_000
"""Rows deleted in one transaction: on SQLite nobody else can write meanwhile."""


def forget_records(*, now: datetime | None = None) -> int:
    """Drop the days that no model keeps any more, then delete one bite of what single models don't.

    Returns how many partitions and rows went; 0 when there is nothing old.
    """
    now = now or timezone.now()
    kept = _days_by_model()
    gone = 0
    if kept and 0 not in kept:
        gone = partitions.drop(before=now - timedelta(days=max(kept)))
    return gone or _delete_first(_older(kept[days], now - timedelta(days=days)) for days in sorted(kept) if days)


def forget_sums(*, now: datetime | None = None) -> int:
    """Delete one bite of the sums that are too old; returns how many rows went."""
    now = now or timezone.now()
    days = {
        Resolution.MINUTE: settings.ROLLUP_MINUTE_DAYS,
        Resolution.QUARTER: settings.ROLLUP_QUARTER_DAYS,
        Resolution.HOUR: settings.ROLLUP_HOUR_DAYS,
        Resolution.DAY: settings.ROLLUP_DAY_DAYS,
    }
    return _delete_first(
        sums._default_manager.filter(resolution=resolution, start__lt=now - timedelta(days=kept)).order_by("start")
        for sums in _SUMS
        for resolution, kept in days.items()
        if kept
    )


def _days_by_model() -> dict[int, list[int]]:
    """Ids of models by how many days their records stay (0: for good)."""
    found: dict[int, list[int]] = {}
    for pk, days in RegisteredModel.objects.values_list("pk", "record_retention_days"):
        found.setdefault(settings.RECORD_RETENTION_DAYS if days is None else days, []).append(pk)
    return found


def _older(model_ids: list[int], moment: datetime) -> QuerySet[Any]:
    return PredictionLog.objects.filter(model_id__in=model_ids, created_at__lt=moment).order_by("created_at")


def _delete_first(candidates: Iterable[QuerySet[Any]]) -> int:
    """Delete up to BITE rows of the first that has some."""
    for rows in candidates:
        ids = list(rows.values_list("pk", flat=True)[:BITE])
        if ids:
            # The condition again: it tells PostgreSQL in which partitions not to look.
            return int(rows.filter(pk__in=ids).order_by().delete()[0])
    return 0
