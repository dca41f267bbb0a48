"""A migration's operation: an index built while the table is written to.

On PostgreSQL a plain CREATE INDEX keeps every writer out until it is done. Lies in the lowest app, for all to use.
"""

from typing import Any

from django.db.migrations import AddIndex
from django.db.migrations.state import ProjectState


class BuildIndex(AddIndex):
    """As AddIndex, concurrently on PostgreSQL. The migration says `atomic = False` and holds nothing else.

    It may be repeated: what an attempt that was cut short has left behind is dropped first. Of a partitioned table the
    index of each partition is built by itself; one that was finished stays.
    """

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if schema_editor.connection.vendor != "postgresql":
            schema_editor.add_index(model, self.index)
        elif _is_partitioned(schema_editor, model._meta.db_table):
            self._build_by_partition(schema_editor, model)
        else:
            self._build(schema_editor, self.index.create_sql(model, schema_editor, concurrently=True), self.index.name)

    def _build(self, schema_editor: Any, create: Any, name: str) -> None:
        # It waits for the transactions that are under way, however long, and keeps nobody out meanwhile.
        with _no_lock_timeout(schema_editor):
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(name)}", params=None)
            schema_editor.execute(create, params=None)

    def _build_by_partition(self, schema_editor: Any, model: Any) -> None:
        """First the whole's, which holds nothing and is valid when it has all parts: a new partition brings its own."""
        table, whole = model._meta.db_table, schema_editor.quote_name(self.index.name)
        if _is_valid(schema_editor, self.index.name) is None:
            alone = str(self.index.create_sql(model, schema_editor)).replace(" ON ", " ON ONLY ", 1)
            schema_editor.execute(alone, params=None)
        for partition in _without_part(schema_editor, table, self.index.name):
            name = self.index.name + partition.removeprefix(table)
            if not _is_valid(schema_editor, name):
                create = self.index.create_sql(model, schema_editor, concurrently=True)
                create.rename_table_references(table, partition)
                create.parts["name"] = schema_editor.quote_name(name)
                self._build(schema_editor, create, name)
            part = schema_editor.quote_name(name)
            schema_editor.execute(f"ALTER INDEX {whole} ATTACH PARTITION {part}", params=None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: ProjectState) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        index = from_state.models[app_label, self.model_name_lower].get_index_by_name(self.index.name)
        is_postgresql = schema_editor.connection.vendor == "postgresql"
        # A partitioned table's can be dropped in one way only, which takes a moment.
        concurrently = is_postgresql and not _is_partitioned(schema_editor, model._meta.db_table)
        schema_editor.remove_index(model, index, **({"concurrently": True} if concurrently else {}))

    def describe(self) -> str:
        return f"{super().describe()}, while serving"


def _asked(schema_editor: Any, sql: str, *values: str) -> list[Any]:
    """The first column of what a query finds."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [value for (value,) in cursor.fetchall()]


def _is_partitioned(schema_editor: Any, table: str) -> bool:
    return _asked(schema_editor, "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(%s)", table) == [True]


def _is_valid(schema_editor: Any, index: str) -> bool | None:
    """None where there is no such index; False for what an attempt left unfinished."""
    found = _asked(schema_editor, "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", index)
    return found[0] if found else None


def _without_part(schema_editor: Any, table: str, index: str) -> list[str]:
    """The partitions whose index is not yet a part of the whole's."""
    return _asked(
        schema_editor,
        "SELECT relname FROM pg_inherits AS part JOIN pg_class ON pg_class.oid = inhrelid"
        " WHERE inhparent = to_regclass(%s) AND NOT EXISTS (SELECT 1 FROM pg_inherits AS done"
        " JOIN pg_index ON indexrelid = done.inhrelid AND indrelid = part.inhrelid"
        " WHERE done.inhparent = to_regclass(%s)) ORDER BY relname",
        table,
        index,
    )


class _no_lock_timeout:  # noqa: N801 (a context manager)
    def __init__(self, schema_editor: Any) -> None:
        self._editor = schema_editor
        self._before = "0"

    def __enter__(self) -> None:
        if not self._editor.collect_sql:
            with self._editor.connection.cursor() as cursor:
                cursor.execute("SHOW lock_timeout")
                self._before = cursor.fetchone()[0]
                cursor.execute("SET lock_timeout = 0")

    def __exit__(self, *_: object) -> None:
        if not self._editor.collect_sql:
            with self._editor.connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, false)", [self._before])
