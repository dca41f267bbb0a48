"""Writes down whose requests were refused with 429. The serving process calls `write` every second."""

import logging
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import database, limit_hits
from monitoring.models import Resolution
from monitoring.sum_models import NO_KEY, LimitHits
from monitoring.sums_table import moment

logger = logging.getLogger(__name__)


def write() -> int:
    """Add what this process refused to the sums; returns how many requests. Without a database it is kept."""
    counts = limit_hits.take()
    if not counts:
        return 0
    try:
        _add(counts)
    except database.Failure:
        limit_hits.give_back(counts)
        logger.warning("Could not write down who was over a limit; it is tried again.", exc_info=True)
        return 0
    return sum(counts.values())


def _add(counts: Mapping[limit_hits.Caller, int]) -> None:
    """One row for each caller and resolution, in one order that is the same everywhere."""
    now = int(timezone.now().timestamp())
    rows: list[tuple[Any, ...]] = sorted(
        (resolution, now // resolution * resolution, user_id, key or NO_KEY, count)
        for (user_id, key), count in counts.items()
        for resolution in Resolution.values
    )
    with transaction.atomic():
        LimitHits.objects.bulk_create(
            [
                LimitHits(resolution=resolution, start=moment(start), user_id=user_id, api_key_id=key)
                for resolution, start, user_id, key, _ in rows
            ],
            ignore_conflicts=True,
        )
        for resolution, start, user_id, key, count in rows:
            row = Q(resolution=resolution, start=moment(start), user_id=user_id, api_key_id=key)
            LimitHits.objects.filter(row).update(requests=F("requests") + count)
