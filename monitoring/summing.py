"""The one door through which records reach the sums that the dashboards read."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from monitoring import answer_rollups, rollups
from monitoring.rollups import Delta
from monitoring.sum_models import NO_KEY
from monitoring.sums_table import Key

_ROLLUP_KEY = 5
"""Resolution, start, model, version and outcome."""


def add(records: Iterable[dict[str, Any]]) -> None:
    """Count records (see `monitoring.spool.append` for their keys), in the transaction that inserts them.

    Every table is locked in the same order everywhere.
    """
    groups = rollups.grouped(records)
    by_client = rollups.minutes(groups)
    rollups.table.add(rollups.with_coarser(rollups.shortened(by_client, _ROLLUP_KEY)))
    answer_rollups.table.add(answer_rollups.deltas(groups))
    rollups.clients.add(rollups.with_coarser(_known(by_client)))


def forget() -> None:
    """Forget which rows are known to be there."""
    for table in (rollups.table, answer_rollups.table, rollups.clients):
        table.forget()


def _known(sums: dict[Key, Delta]) -> dict[Key, Delta]:
    """The keys as `ClientRollup` has them: no NULL, and a UUID."""
    return {
        (*key[:_ROLLUP_KEY], key[-2] or 0, UUID(key[-1]) if key[-1] else NO_KEY): delta for key, delta in sums.items()
    }
