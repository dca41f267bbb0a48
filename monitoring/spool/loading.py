"""Putting records into the prediction log, many at once, in the way each database does it fastest."""

import logging

from django.contrib.auth import get_user_model
from django.db import DataError, IntegrityError, connection, models, transaction

from monitoring.models import PredictionLog
from monitoring.spool.records import Record
from registry.models import ModelVersion, RegisteredModel

logger = logging.getLogger(__name__)

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
_INSERT_DOCUMENT = f"INSERT INTO {_TABLE} ({_NAMES}) SELECT {_VALUES} FROM json_to_recordset(%s::json) AS r({_TYPES})"  # noqa: S608


def _for_sqlite(kind: str, key: str) -> str:
    """The value of `key` as SQLite's columns hold it: UUIDs without dashes, UTC times as text, JSON as text."""
    value = f"json_extract(r.value, '$.{key}')"
    if kind == "uuid":
        return f"replace({value}, '-', '')"
    if kind == "jsonb":
        return f"nullif(json_quote({value}), 'null')"
    if key == "at":
        second = f"strftime('%%Y-%%m-%%d %%H:%%M:%%S', {value}, 'unixepoch')"
        return f"printf('%%s.%%06d', {second}, CAST({value} * 1000000 AS INTEGER) %% 1000000)"
    return value


_SQLITE_VALUES = ", ".join(_for_sqlite(kind, key) for _, kind, key in _COLUMNS)
_INSERT_EACH = f"INSERT INTO {_TABLE} ({_NAMES}) SELECT {_SQLITE_VALUES} FROM json_each(%s) AS r"  # noqa: S608


def insert(records: list[Record]) -> None:
    """Insert all records at once, in the caller's transaction.

    Raises DataError or IntegrityError, the latter perhaps only at the commit, when the database can't hold
    one of them.
    """
    if not records:
        return
    with connection.cursor() as cursor:
        # One document, taken apart by the database: requests want the interpreter for themselves.
        document = b"[" + b",".join(record.line for record in records) + b"]"
        cursor.execute(_INSERT_DOCUMENT if connection.vendor == "postgresql" else _INSERT_EACH, [document.decode()])


def insert_carefully(records: list[Record]) -> tuple[list[Record], list[tuple[Record, str]]]:
    """Insert what can be inserted: returns the records that are in, and those that are not, each with the
    reason.
    """
    good, refused = _existing(records)
    inserted, more = _insert_by_halves(good)
    return inserted, refused + more


def _existing(records: list[Record]) -> tuple[list[Record], list[tuple[Record, str]]]:
    """Sort out records whose model or version is gone, and forget users that are gone.

    Foreign keys are checked at the commit, where it is too late to tell which record is meant.
    """
    known_models = _present(RegisteredModel, {record.values["model_id"] for record in records})
    known_versions = _present(ModelVersion, {record.values.get("version_id") for record in records})
    known_users = _present(get_user_model(), {record.values.get("user_id") for record in records})
    good: list[Record] = []
    refused: list[tuple[Record, str]] = []
    for record in records:
        if record.values["model_id"] not in known_models:
            refused.append((record, "unknown model"))
        elif record.values.get("version_id") not in known_versions:
            refused.append((record, "unknown version"))
        else:
            if record.values.get("user_id") not in known_users:
                record.change(user_id=None)
            good.append(record)
    return good, refused


def _present(model: type[models.Model], keys: set[int | None]) -> set[int | None]:
    """Those of `keys` that have a row; None always counts as present."""
    wanted = keys - {None}
    if not wanted:
        return {None}
    return {None, *model._default_manager.filter(pk__in=wanted).values_list("pk", flat=True)}


def _insert_by_halves(records: list[Record]) -> tuple[list[Record], list[tuple[Record, str]]]:
    """Insert all at once; when the database refuses, find the ones it means by halving."""
    if not records:
        return [], []
    try:
        with transaction.atomic():
            insert(records)
    except (DataError, IntegrityError) as error:
        if len(records) == 1:
            return [], [(records[0], str(error).strip().splitlines()[0])]
        middle = len(records) // 2
        left, left_refused = _insert_by_halves(records[:middle])
        right, right_refused = _insert_by_halves(records[middle:])
        return left + right, left_refused + right_refused
    return records, []
