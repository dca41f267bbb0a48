"""Sums of prediction records, kept up to date in the transaction that inserts the records."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet

from monitoring import histogram
from monitoring.models import Resolution, Rollup

Key = tuple[int, int, int, int, str]
"""Resolution in seconds, start in epoch seconds, model id, version id (0 for none), outcome."""

_ORDER = ("resolution", "start", "model_id", "version_id", "outcome")
_TABLE = Rollup._meta.db_table
_UPDATE_ROW = (
    f"UPDATE {_TABLE} SET requests = %s, instances = %s,"  # noqa: S608
    " latency_sum_ms = %s, latency_histogram = %s WHERE id = %s"
)
_UPDATE_DOCUMENT = (
    f"UPDATE {_TABLE} SET requests = (r->>0)::bigint, instances = (r->>1)::bigint,"  # noqa: S608
    " latency_sum_ms = (r->>2)::double precision, latency_histogram = (r->>3)::jsonb"
    f" FROM jsonb_array_elements(%s::jsonb) AS r WHERE {_TABLE}.id = (r->>4)::bigint"
)
_seen: set[Key] = set()
"""Keys whose rows are known to be in the database, so that they need not be looked for before they are
locked.
"""
_MOST_SEEN = 10_000


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


def deltas(records: Iterable[dict[str, Any]]) -> dict[Key, Delta]:
    """The sums of spool records (see `monitoring.spool.append` for their keys), for every resolution."""
    minutes: dict[Key, Delta] = {}
    for record in records:
        start = int(record["at"]) // Resolution.MINUTE * Resolution.MINUTE
        key = (
            Resolution.MINUTE.value,
            start,
            record["model_id"],
            record.get("version_id") or 0,
            record["outcome"],
        )
        delta = minutes.get(key)
        if delta is None:
            delta = minutes[key] = Delta()
        latency_ms = record["latency_ms"]
        bucket = histogram.bucket_of(latency_ms)
        delta.requests += 1
        delta.instances += record["instance_count"]
        delta.latency_sum_ms += latency_ms
        delta.counts[bucket] = delta.counts.get(bucket, 0) + 1
    return minutes | _coarser(minutes)


def _coarser(minutes: dict[Key, Delta]) -> dict[Key, Delta]:
    sums: dict[Key, Delta] = {}
    for (_, start, model_id, version_id, outcome), delta in minutes.items():
        for resolution in (Resolution.QUARTER.value, Resolution.HOUR.value):
            key = (resolution, start // resolution * resolution, model_id, version_id, outcome)
            sums.setdefault(key, Delta()).merge(delta)
    return sums


def add(changes: dict[Key, Delta]) -> None:
    """Add sums to the rollup rows, in the caller's transaction.

    Missing rows are created first and existing ones locked then, each time in one order that is the same
    everywhere, so any number of processes may do this at once without a deadlock.
    """
    if not changes:
        return
    if not changes.keys() <= _seen:
        _create_missing(changes)
    rows = [row for row in _matching(changes).select_for_update().order_by(*_ORDER) if _key(row) in changes]
    if len(rows) != len(changes):
        _seen.clear()
        raise IntegrityError("A rollup row has vanished.")
    for row in rows:
        _apply(row, changes[_key(row)])
    _write(rows)
    transaction.on_commit(lambda: _remember(changes))


def _create_missing(changes: dict[Key, Delta]) -> None:
    existing = {_key(row) for row in _matching(changes).defer("latency_histogram")}
    missing = sorted(changes.keys() - existing)
    if missing:
        Rollup.objects.bulk_create([_empty(key) for key in missing], ignore_conflicts=True)


def _remember(keys: Iterable[Key]) -> None:
    if len(_seen) > _MOST_SEEN:
        _seen.clear()
    _seen.update(keys)


def _matching(changes: dict[Key, Delta]) -> QuerySet[Rollup]:
    """The rows meant by `changes`, and perhaps others of the same spans and models."""
    spans: dict[int, set[int]] = {}
    for resolution, start, *_ in changes:
        spans.setdefault(resolution, set()).add(start)
    condition = Q()
    for resolution, starts in sorted(spans.items()):
        condition |= Q(resolution=resolution, start__in=[_moment(start) for start in sorted(starts)])
    return Rollup.objects.filter(condition, model_id__in={key[2] for key in changes})


def _write(rows: list[Rollup]) -> None:
    """Update all rows in one statement; they are locked."""
    values = [
        (row.requests, row.instances, row.latency_sum_ms, json.dumps(row.latency_histogram), row.pk) for row in rows
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_UPDATE_DOCUMENT, [json.dumps(values)])
        else:
            cursor.executemany(_UPDATE_ROW, values)


def _key(row: Rollup) -> Key:
    return (row.resolution, int(row.start.timestamp()), row.model_id, row.version_id or 0, row.outcome)


def _empty(key: Key) -> Rollup:
    resolution, start, model_id, version_id, outcome = key
    return Rollup(
        resolution=resolution,
        start=_moment(start),
        model_id=model_id,
        version_id=version_id or None,
        outcome=outcome,
    )


def _apply(row: Rollup, delta: Delta) -> None:
    counts = dict(delta.counts)
    histogram.add(counts, row.latency_histogram)
    row.requests += delta.requests
    row.instances += delta.instances
    row.latency_sum_ms += delta.latency_sum_ms
    row.latency_histogram = histogram.from_counts(counts)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
