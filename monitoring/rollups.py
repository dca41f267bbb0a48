"""Sums of prediction records, kept up to date in the transaction that inserts the records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitoring import histogram
from monitoring.models import Resolution, Rollup
from monitoring.sum_models import ClientRollup
from monitoring.sums_table import Key, SumsTable

COARSER = (Resolution.QUARTER.value, Resolution.HOUR.value, Resolution.DAY.value)


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


def minutes(records: Iterable[dict[str, Any]], *extra: str) -> dict[Key, Delta]:
    """The sums of spool records (see `monitoring.spool.append` for their keys) by minute, model, version, outcome,
    and the records' values named in `extra`.
    """
    found: dict[Key, Delta] = {}
    for record in records:
        key: Key = (
            Resolution.MINUTE.value,
            int(record["at"]) // Resolution.MINUTE * Resolution.MINUTE,
            record["model_id"],
            record.get("version_id") or 0,
            record["outcome"],
            *[record.get(name) for name in extra],
        )
        delta = found.get(key)
        if delta is None:
            delta = found[key] = Delta()
        latency_ms = record["latency_ms"]
        bucket = histogram.bucket_of(latency_ms)
        delta.requests += 1
        delta.instances += record["instance_count"]
        delta.latency_sum_ms += latency_ms
        delta.counts[bucket] = delta.counts.get(bucket, 0) + 1
    return found


def shortened(sums: Mapping[Key, Delta], length: int) -> dict[Key, Delta]:
    """The sums by the first `length` parts of their keys."""
    found: dict[Key, Delta] = {}
    for key, delta in sums.items():
        found.setdefault(key[:length], Delta()).merge(delta)
    return found


def with_coarser(sums: Mapping[Key, Delta]) -> dict[Key, Delta]:
    """The sums of minutes, and beside them those of every coarser resolution."""
    found = dict(sums)
    for (_, start, *rest), delta in sums.items():
        for resolution in COARSER:
            found.setdefault((resolution, start // resolution * resolution, *rest), Delta()).merge(delta)
    return found


def _apply(row: Rollup | ClientRollup, delta: Delta) -> None:
    counts = dict(delta.counts)
    histogram.add(counts, row.latency_histogram)
    row.requests += delta.requests
    row.instances += delta.instances
    row.latency_sum_ms += delta.latency_sum_ms
    row.latency_histogram = histogram.from_counts(counts)


_SUMS = ("requests", "instances", "latency_sum_ms", "latency_histogram")
table = SumsTable[Rollup, Delta](
    Rollup, key_columns=("version_id", "outcome"), sums=_SUMS, apply=_apply, nullable=("version_id",)
)
clients = SumsTable[ClientRollup, Delta](
    ClientRollup, key_columns=("version_id", "outcome", "user_id", "api_key_id"), sums=_SUMS, apply=_apply
)
