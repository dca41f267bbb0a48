"""Rows of sums that any number of processes add to at once: created when missing, locked in one order, updated."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Generic, TypeVar, cast

import orjson
from django.db import IntegrityError, connection, models, transaction
from django.db.models import JSONField, Q, QuerySet

Key = tuple[Any, ...]
"""Resolution in seconds, start in epoch seconds, model id, and what else tells rows of a table apart."""

_MOST_SEEN = 10_000
_MOST_NAMED = 200


def moment(seconds: int) -> datetime:
    """Epoch seconds as a time."""
    return datetime.fromtimestamp(seconds, UTC)


Row = TypeVar("Row", bound=models.Model)
Delta = TypeVar("Delta")


class SumsTable(Generic[Row, Delta]):
    """One table of sums.

    `key_columns` follow resolution, start and model in the key; `sums` are the columns that change. `apply(rows,
    deltas)` adds to each row in memory what is meant for it. A column of `nullable` holds NULL where the key has 0.
    """

    def __init__(
        self,
        model: type[Row],
        *,
        key_columns: Sequence[str],
        sums: Sequence[str],
        apply: Callable[[Sequence[Row], Sequence[Delta]], None],
        nullable: Sequence[str] = (),
    ) -> None:
        self._model, self._apply = model, apply
        self._columns = ("resolution", "start", "model_id", *key_columns)
        self._sums, self._nullable = tuple(sums), frozenset(nullable)
        # Keys whose rows are known to be there, so that they need not be looked for before they are locked.
        self._seen: set[Key] = set()

    def add(self, changes: Mapping[Key, Delta]) -> None:
        """Add sums to the rows, in the caller's transaction.

        Missing rows are created first and existing ones locked then, each time in one order that is the same
        everywhere, so any number of processes may do this at once without a deadlock.
        """
        if not changes:
            return
        if not changes.keys() <= self._seen:
            self._create_missing(changes)
        locked = self._matching(changes).select_for_update().order_by(*self._columns)
        rows = self._read(locked, changes)
        if len(rows) != len(changes):
            self.forget()
            raise IntegrityError(f"A row of {self._model._meta.db_table} has vanished.")
        self._apply(list(rows.values()), [changes[key] for key in rows])
        self._write(list(rows.values()))
        transaction.on_commit(lambda: self._remember(changes))

    def forget(self) -> None:
        """Look for every row again."""
        self._seen.clear()

    def _create_missing(self, changes: Mapping[Key, Delta]) -> None:
        existing = {self._key(values) for values in self._matching(changes).values_list(*self._columns)}
        missing = sorted(changes.keys() - existing)
        if missing:
            self._model._default_manager.bulk_create([self._empty(key) for key in missing], ignore_conflicts=True)

    def _remember(self, keys: Iterable[Key]) -> None:
        if len(self._seen) > _MOST_SEEN:
            self._seen.clear()
        self._seen.update(keys)

    def _matching(self, changes: Mapping[Key, Delta]) -> QuerySet[Row]:
        """The rows meant by `changes`, and perhaps others of the same spans and models."""
        spans: dict[int, set[int]] = {}
        for resolution, start, *_ in changes:
            spans.setdefault(resolution, set()).add(start)
        condition = Q()
        for resolution, starts in sorted(spans.items()):
            condition |= Q(resolution=resolution, start__in=[moment(start) for start in sorted(starts)])
        for name, values in zip(self._columns[2:], [*zip(*changes, strict=True)][2:], strict=True):
            condition &= self._among(name, set(values))
        return self._model._default_manager.filter(condition)

    def _among(self, name: str, values: set[Any]) -> Q:
        """Narrow down to rows with these values in a column, where they are few."""
        if len(values) > _MOST_NAMED:
            return Q()
        is_null = Q((f"{name}__isnull", True)) if name in self._nullable and 0 in values else Q()
        return Q((f"{name}__in", sorted(values))) | is_null

    def _read(self, rows: QuerySet[Row], changes: Mapping[Key, Delta]) -> dict[Key, Row]:
        """The rows that `changes` mean, in the order of `rows`: their sums alone, without the cost of a model."""
        width, names = len(self._columns), ("pk", *self._sums)
        found: dict[Key, Row] = {}
        for values in rows.values_list(*self._columns, *names):
            key = self._key(values[:width])
            if key in changes:
                found[key] = cast(Row, SimpleNamespace(**dict(zip(names, values[width:], strict=True))))
        return found

    @staticmethod
    def _key(values: Sequence[Any]) -> Key:
        """The key as `changes` have it."""
        resolution, start, *others = values
        return (resolution, int(start.timestamp()), *[0 if value is None else value for value in others])

    def _empty(self, key: Key) -> Row:
        values = dict(zip(self._columns, key, strict=True))
        values["start"] = moment(values["start"])
        return self._model(**{name: self._stored(name, value) for name, value in values.items()})

    def _stored(self, name: str, value: Any) -> Any:
        return None if name in self._nullable and not value else value

    def _write(self, rows: list[Row]) -> None:
        """Update all rows in one statement; they are locked."""
        fields = [self._model._meta.get_field(name) for name in self._sums]
        are_json = [isinstance(field, JSONField) for field in fields]
        values = [
            [
                orjson.dumps(getattr(row, name)).decode() if is_json else getattr(row, name)
                for name, is_json in zip(self._sums, are_json, strict=True)
            ]
            + [row.pk]
            for row in rows
        ]
        table = self._model._meta.db_table
        with connection.cursor() as cursor:
            if connection.vendor != "postgresql":
                changes = ", ".join(f"{name} = %s" for name in self._sums)
                cursor.executemany(f"UPDATE {table} SET {changes} WHERE id = %s", values)  # noqa: S608
                return
            types = [field.db_type(connection) for field in fields]
            changes = ", ".join(
                f"{name} = (r->>{at})::{kind}" for at, (name, kind) in enumerate(zip(self._sums, types, strict=True))
            )
            cursor.execute(
                f"UPDATE {table} SET {changes} FROM jsonb_array_elements(%s::jsonb) AS r"  # noqa: S608
                f" WHERE {table}.id = (r->>{len(fields)})::bigint",
                [orjson.dumps(values).decode()],
            )
