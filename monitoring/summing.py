"""The one door through which records reach the sums that the dashboards read."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, Self, TypeVar
from uuid import UUID

from monitoring import answer_rollups, rollups
from monitoring.models import Resolution
from monitoring.sum_models import NO_KEY
from monitoring.sums_table import Key

_ROLLUP_KEY = 5
"""Resolution, start, model, version and outcome."""
_COARSER = (Resolution.QUARTER.value, Resolution.HOUR.value, Resolution.DAY.value)


class _Delta(Protocol):
    """What is to be added to one row."""

    def merge(self, other: Self) -> None: ...


_AnyDelta = TypeVar("_AnyDelta", bound=_Delta)


class Sums:
    """What records add to the sums: counted in any number of steps, and added at once."""

    def __init__(self) -> None:
        self.counted = 0
        self._by_client: dict[Key, rollups.Delta] = {}
        self._answers: dict[Key, answer_rollups.Delta] = {}

    def count(self, records: Iterable[dict[str, Any]]) -> None:
        """Count records (see `monitoring.spool.append` for their keys)."""
        groups = rollups.grouped(records)
        self.counted += sum(map(len, groups.values()))
        _merge(self._by_client, rollups.minutes(groups))
        _merge(self._answers, answer_rollups.minutes(groups))

    def add(self) -> None:
        """Add what was counted, in the transaction that inserts the records.

        Every table is locked in the same order everywhere.
        """
        rollups.table.add(_with_coarser(rollups.shortened(self._by_client, _ROLLUP_KEY)))
        answer_rollups.table.add(_with_coarser(self._answers))
        rollups.clients.add(_with_coarser(_known(self._by_client)))


def forget() -> None:
    """Forget which rows are known to be there."""
    for table in (rollups.table, answer_rollups.table, rollups.clients):
        table.forget()


def _known(sums: dict[Key, rollups.Delta]) -> dict[Key, rollups.Delta]:
    """The keys as `ClientRollup` has them: no NULL, and a UUID."""
    return {
        (*key[:_ROLLUP_KEY], key[-2] or 0, UUID(key[-1]) if key[-1] else NO_KEY): delta for key, delta in sums.items()
    }


def _merge(sums: dict[Key, _AnyDelta], others: Mapping[Key, _AnyDelta]) -> None:
    for key, delta in others.items():
        if key in sums:
            sums[key].merge(delta)
        else:
            sums[key] = delta


def _with_coarser(sums: Mapping[Key, _AnyDelta]) -> dict[Key, _AnyDelta]:
    """The sums of minutes, and beside them those of every coarser resolution."""
    found = dict(sums)
    for (_, start, *rest), delta in sums.items():
        for resolution in _COARSER:
            key = resolution, start // resolution * resolution, *rest
            found.setdefault(key, type(delta)()).merge(delta)
    return found
