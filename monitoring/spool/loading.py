"""Putting records into the prediction log, many at once, in the way each database does it fastest."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from io import BytesIO
from itertools import chain
from operator import itemgetter
from typing import Any

import orjson
from django.contrib.auth import get_user_model
from django.db import DataError, IntegrityError, connection, models, transaction

from monitoring.models import PredictionLog
from monitoring.spool.records import Record
from registry.models import ModelVersion, RegisteredModel

logger = logging.getLogger(__name__)

_IS_SAME = ("pk", "created_at")
_A_MOMENT = timedelta(microseconds=2)  # databases round what a float says


@dataclass(slots=True)
class Sorted:
    """What became of records that could not be inserted as one: those that are in now, those that were in before,
    and those that the database can't hold, each with the reason.
    """

    inserted: list[Record] = field(default_factory=list)
    repeated: list[Record] = field(default_factory=list)
    refused: list[tuple[Record, str]] = field(default_factory=list)


# Column, PostgreSQL type of the record's value, the record's key, and how the value becomes the column.
_COLUMNS = (
    ("id", "uuid", "id"),
    ("request_id", "text", "request_id"),
    ("model_id", "bigint", "model_id"),
    ("version_id", "bigint", "version_id"),
    ("user_id", "bigint", "user_id"),
    ("api_key_id", "uuid", "key_id"),
    ("subject_id", "text", "subject_id"),
    ("outcome", "text", "outcome"),
    ("status_code", "smallint", "status_code"),
    ("error_code", "text", "error_code"),
    ("instance_count", "integer", "instance_count"),
    ("latency_ms", "double precision", "latency_ms"),
    ("inference_ms", "double precision", "inference_ms"),
    ("confidence", "double precision", "confidence"),
    ("input", "jsonb", "input"),
    ("output", "jsonb", "output"),
    ("created_at", "double precision", "at"),
)
_TABLE = PredictionLog._meta.db_table
_NAMES = ", ".join(f'"{column}"' for column, _, _ in _COLUMNS)
_VALUES = ", ".join(f'to_timestamp("{key}")' if key == "at" else f'"{key}"' for _, _, key in _COLUMNS)
_TYPES = ", ".join(f'"{key}" {kind}' for _, kind, key in _COLUMNS)

# SQLite: many rows in a statement, since each statement makes anew the lists that partial indexes and checks look
# outcomes up in. The oldest SQLite takes 999 parameters.
_ROWS_AT_ONCE = 999 // len(_COLUMNS)
_ROW = f"({', '.join('?' * len(_COLUMNS))})"


@cache
def _insert_rows(count: int) -> str:
    return f"INSERT INTO {_TABLE} ({_NAMES}) VALUES {', '.join([_ROW] * count)}"  # noqa: S608


# PostgreSQL: the lines as they are, copied into a table of this session, and taken apart there: requests want the
# interpreter for themselves.
_STAGE = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS spooled_lines (line json) ON COMMIT DELETE ROWS;"
    "DELETE FROM spooled_lines"  # of an earlier call in the same transaction
)
_COPY = "COPY spooled_lines FROM STDIN"
_FROM_STAGE = (
    f"INSERT INTO {_TABLE} ({_NAMES}) SELECT {_VALUES}"  # noqa: S608
    f" FROM spooled_lines, json_to_record(line) AS r({_TYPES})"
)

_NAMED: dict[str, type[models.Model]] = {
    "model_id": RegisteredModel,
    "version_id": ModelVersion,
    "user_id": get_user_model(),
}
_HELD = "(SELECT count(*) FROM (SELECT 1 FROM {} WHERE id = ANY(%s) FOR KEY SHARE) AS held)"
_HOLD = "SELECT " + ", ".join(_HELD.format(kind._meta.db_table) for kind in _NAMED.values())


def _insert_into_sqlite(records: list[Record]) -> None:
    connection.ensure_connection()
    with connection.wrap_database_errors:
        for start in range(0, len(records), _ROWS_AT_ONCE):
            some = records[start : start + _ROWS_AT_ONCE]
            connection.connection.execute(_insert_rows(len(some)), _for_sqlite(some))


def _for_sqlite(records: list[Record]) -> list[Any]:
    """Rows one after another, as SQLite's columns hold them: UUIDs without dashes, UTC times as text, JSON as text."""
    columns: list[Iterable[Any]] = list(zip(*[_of_keys(record.values) for record in records], strict=True))
    for key, change in _IN_SQLITE.items():
        place = _KEYS.index(key)
        columns[place] = map(change, columns[place])
    return list(chain.from_iterable(zip(*columns, strict=True)))


def _as_time(at: float) -> str:
    """Epoch seconds as SQLite's text of a UTC time, rounded as `datetime.fromtimestamp` does."""
    second = int(at)
    microseconds = round((at - second) * 1e6)
    if microseconds == 1_000_000:
        return f"{_as_second(second + 1)}.000000"
    return f"{_as_second(second)}.{microseconds:06d}"


@lru_cache(maxsize=1024)
def _as_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _as_uuid(text: str | None) -> str | None:
    return text and text.replace("-", "")


def _as_json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


_KEYS = [key for _, _, key in _COLUMNS]
_of_keys = itemgetter(*_KEYS)
_IN_SQLITE: dict[str, Callable[[Any], str | None]] = {
    "id": _as_uuid, "key_id": _as_uuid, "input": _as_json, "output": _as_json, "at": _as_time,
}  # fmt: skip


def insert(records: list[Record]) -> None:
    """Insert all records at once, in the caller's transaction.

    Raises DataError or IntegrityError, the latter perhaps only at the commit, when the database can't hold
    one of them or already holds it.
    """
    if not records:
        return
    if connection.vendor == "sqlite":
        _insert_into_sqlite(records)
        return
    with connection.cursor() as cursor:
        _hold_what_they_name(records)
        cursor.execute(_STAGE)
        cursor.cursor.copy_expert(_COPY, BytesIO(_as_copied(records)))
        cursor.execute(_FROM_STAGE)


def _hold_what_they_name(records: list[Record]) -> None:
    """What foreign keys would do, once for all records: the partitioned log has none, they cost too much there.

    Models, versions and users stay until the caller's transaction ends. Raises IntegrityError when one is gone.
    """
    keys = [sorted({record.values[name] for record in records} - {None}) for name in _NAMED]
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, keys)
        if cursor.fetchone() != tuple(len(some) for some in keys):
            raise IntegrityError("A model, version or user that a record names is gone.")


def _as_copied(records: list[Record]) -> bytes:
    """The lines as COPY reads them: only the backslash means something to it that may stand in a line of JSON."""
    return b"\n".join([record.line for record in records]).replace(b"\\", rb"\\") + b"\n"


def insert_carefully(records: list[Record]) -> Sorted:
    """Insert what can be inserted, and tell the others apart."""
    found = Sorted()
    good = _new(_existing(records, found), found)
    _insert_by_halves(good, found)
    return found


def _existing(records: list[Record], found: Sorted) -> list[Record]:
    """Sort out records whose model or version is gone, and forget users that are gone.

    Foreign keys are checked at the commit, where it is too late to tell which record is meant.
    """
    known_models = _present(RegisteredModel, {record.values["model_id"] for record in records})
    known_versions = _present(ModelVersion, {record.values.get("version_id") for record in records})
    known_users = _present(get_user_model(), {record.values.get("user_id") for record in records})
    good: list[Record] = []
    for record in records:
        if record.values["model_id"] not in known_models:
            found.refused.append((record, "unknown model"))
        elif record.values.get("version_id") not in known_versions:
            found.refused.append((record, "unknown version"))
        else:
            if record.values.get("user_id") not in known_users:
                record.change(user_id=None)
            good.append(record)
    return good


def _new(records: list[Record], found: Sorted) -> list[Record]:
    """Sort out records that are there already, and those that claim the id of another record.

    Only a spool file whose checkpoint was lost, or that somebody copied, brings a record twice.
    """
    taken = dict(
        PredictionLog.objects.filter(pk__in=[record.values["id"] for record in records]).values_list(*_IS_SAME)
    )
    known = {str(id): at for id, at in taken.items()}
    good: list[Record] = []
    for record in records:
        id, at = record.values["id"], datetime.fromtimestamp(record.values["at"], UTC)
        if id not in known:
            known[id] = at
            good.append(record)
        elif abs(known[id] - at) < _A_MOMENT:
            found.repeated.append(record)
        else:
            found.refused.append((record, "the id of another record"))
    return good


def _present(model: type[models.Model], keys: set[int | None]) -> set[int | None]:
    """Those of `keys` that have a row; None always counts as present."""
    wanted = keys - {None}
    if not wanted:
        return {None}
    return {None, *model._default_manager.filter(pk__in=wanted).values_list("pk", flat=True)}


def _insert_by_halves(records: list[Record], found: Sorted) -> None:
    """Insert all at once; when the database refuses, find the ones it means by halving."""
    if not records:
        return
    try:
        with transaction.atomic():
            insert(records)
    except (DataError, IntegrityError) as error:
        if len(records) == 1:
            found.refused.append((records[0], str(error).strip().splitlines()[0]))
            return
        middle = len(records) // 2
        _insert_by_halves(records[:middle], found)
        _insert_by_halves(records[middle:], found)
        return
    found.inserted += records
