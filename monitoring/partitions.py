"""The prediction log on PostgreSQL: one partition for each day (UTC), made ahead of time and dropped when too old.

A record of a day that has no partition goes to the default partition, so no clock and no sleeping job runner loses
one; `prepare` moves it when it makes the day's own. On other databases the log is one table, and all of this does
nothing.

The primary key in the database is (id, created_at), because a unique index of a partitioned table must hold the
column that it is partitioned by. docs/adr/0018-partitioned-records.md tells why a prediction still has one row.
"""

import logging
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.utils import OperationalError
from django.utils import timezone

from monitoring.models import PredictionLog

logger = logging.getLogger(__name__)

TABLE = PredictionLog._meta.db_table
DEFAULT = f"{TABLE}_default"
DAYS_AHEAD = 7
MOST_AT_ONCE = 40
"""Partitions made or dropped by one call: a bounded bite."""
_LOCK_TIMEOUT = "2s"
"""How long a change of partitions waits for a lock, and whoever comes after it with it."""
_NAME = re.compile(rf"{TABLE}_(\d{{4}})(\d{{2}})(\d{{2}})")


def is_partitioned() -> bool:
    """Whether this database keeps the log in partitions."""
    return connection.vendor == "postgresql"


def name_of(day: date) -> str:
    """The table of one day."""
    return f"{TABLE}_{day:%Y%m%d}"


def days() -> list[date]:
    """The days that have a partition, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [TABLE])
        found = [_NAME.fullmatch(name.rpartition(".")[2]) for (name,) in cursor.fetchall()]
    return sorted(date(int(match[1]), int(match[2]), int(match[3])) for match in found if match)


def prepare(*, now: datetime | None = None) -> int:
    """Make the partitions of today and the DAYS_AHEAD, and of days whose records lie in the default one.

    Returns how many were made. Gives way (and leaves the rest to the next call) when a lock can't be had.
    """
    if not is_partitioned():
        return 0
    today = (now or timezone.now()).astimezone(UTC).date()
    last = today + timedelta(days=DAYS_AHEAD)
    wanted = {today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD + 1)} | _days_astray(last)
    made = 0
    for day in sorted(wanted - set(days()))[:MOST_AT_ONCE]:
        if not _give_way(_make, day):
            break
        made += 1
    if made:
        # The statistics of the whole are nobody's business but ours: autovacuum looks at partitions only.
        _execute(f"ANALYZE {TABLE}")
    return made


def drop(*, before: datetime) -> int:
    """Drop the partitions of the days that ended by `before`; returns how many were dropped."""
    if not is_partitioned():
        return 0
    dropped = 0
    for day in days()[:MOST_AT_ONCE]:
        if start_of(day + timedelta(days=1)) > before or not _give_way(_drop, day):
            break
        dropped += 1
    return dropped


def start_of(day: date) -> datetime:
    """The first instant of a day, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _days_astray(last: date) -> set[date]:
    """Days up to `last` whose records lie in the default partition; the clock that wrote later ones is wrong."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::date FROM {DEFAULT} WHERE created_at < %s",  # noqa: S608
            [start_of(last + timedelta(days=1))],
        )
        return {day for (day,) in cursor.fetchall()}


def _make(day: date) -> None:
    """In the caller's transaction: a table like the others, with the day's records of the default one, attached."""
    name, bounds = name_of(day), [start_of(day), start_of(day + timedelta(days=1))]
    with connection.cursor() as cursor:
        # Nobody may add a record of that day to the default partition meanwhile.
        cursor.execute(f"LOCK TABLE {DEFAULT} IN ACCESS EXCLUSIVE MODE")
        if day in days():
            return
        cursor.execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        cursor.execute(
            f"WITH moved AS (DELETE FROM {DEFAULT} WHERE created_at >= %s AND created_at < %s RETURNING *)"  # noqa: S608
            f" INSERT INTO {name} SELECT * FROM moved",
            bounds,
        )
        cursor.execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)", bounds)


def _drop(day: date) -> None:
    _execute(f"DROP TABLE IF EXISTS {name_of(day)}")


def _give_way(change: Any, day: date) -> bool:
    """Make a change in a transaction of its own; False when somebody held a lock for too long."""
    try:
        with transaction.atomic():
            _execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            change(day)
    except OperationalError as error:
        logger.warning("the partition of %s is left for later: %s", day, error)
        return False
    return True


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
