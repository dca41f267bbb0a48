"""Sums of prediction records, kept up to date in the transaction that inserts the records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from monitoring import histogram
from monitoring.models import Resolution, Rollup
from monitoring.sum_models import ClientRollup
from monitoring.sums_table import Key, SumsTable

Record = dict[str, Any]

_told_apart = itemgetter("model_id", "version_id", "outcome", "user_id", "key_id")


@dataclass(slots=True)
class Delta:
    """What is to be added to one rollup row."""

    requests: int = 0
    instances: int = 0
    latency_sum_ms: float = 0.0
    counts: dict[int, int] = field(default_factory=dict)

    def merge(self, other: "Delta") -> None:
        self.requests += other.requests
        self.instances += other.instances
        self.latency_sum_ms += other.latency_sum_ms
        histogram.merge(self.counts, other.counts)


def grouped(records: Iterable[Record]) -> dict[Key, list[Record]]:
    """Spool records (see `monitoring.spool.append` for their keys) by the key of `ClientRollup`'s minutes, with None
    for an account or a key that there is not.
    """
    found: dict[tuple[int, tuple[Any, ...]], list[Record]] = {}
    for record in records:
        group = int(record["at"]) // Resolution.MINUTE, _told_apart(record)
        if group in found:
            found[group].append(record)
        else:
            found[group] = [record]
    return {
        (Resolution.MINUTE.value, minute * Resolution.MINUTE, model_id, version_id or 0, *others): group
        for (minute, (model_id, version_id, *others)), group in found.items()
    }


def minutes(groups: Mapping[Key, list[Record]]) -> dict[Key, Delta]:
    """The sums of each group."""
    return {key: _sums(records) for key, records in groups.items()}


def _sums(records: list[Record]) -> Delta:
    latencies = [record["latency_ms"] for record in records]
    return Delta(
        len(records),
        sum([record["instance_count"] for record in records]),
        sum(latencies),
        histogram.counted(latencies),
    )


def shortened(sums: Mapping[Key, Delta], length: int) -> dict[Key, Delta]:
    """The sums by the first `length` parts of their keys."""
    found: dict[Key, Delta] = {}
    for key, delta in sums.items():
        found.setdefault(key[:length], Delta()).merge(delta)
    return found


def _apply(rows: Sequence[Rollup | ClientRollup], deltas: Sequence[Delta]) -> None:
    packed = histogram.added([row.latency_histogram for row in rows], [delta.counts for delta in deltas])
    for row, delta, latencies in zip(rows, deltas, packed, strict=True):
        row.requests += delta.requests
        row.instances += delta.instances
        row.latency_sum_ms += delta.latency_sum_ms
        row.latency_histogram = latencies


_SUMS = ("requests", "instances", "latency_sum_ms", "latency_histogram")
table = SumsTable[Rollup, Delta](
    Rollup, key_columns=("version_id", "outcome"), sums=_SUMS, apply=_apply, nullable=("version_id",)
)
clients = SumsTable[ClientRollup, Delta](
    ClientRollup, key_columns=("version_id", "outcome", "user_id", "api_key_id"), sums=_SUMS, apply=_apply
)
