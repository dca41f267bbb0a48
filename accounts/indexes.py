"""A migration's operation: an index built while the table is written to.

On PostgreSQL a plain CREATE INDEX keeps every writer out until it is done. Lies in the lowest app, for all to use.
"""

from typing import Any

from django.db.migrations import AddIndex
from django.db.migrations.state import ProjectState


class BuildIndex(AddIndex):
    """As AddIndex, concurrently on PostgreSQL. The migration says `atomic = False` and holds nothing else.

    It may be repeated: what an attempt that was cut short has left behind is dropped first. Not for a partitioned
    table, whose indexes PostgreSQL can't build so.
    """

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if schema_editor.connection.vendor != "postgresql":
            schema_editor.add_index(model, self.index)
            return
        # It waits for the transactions that are under way, however long, and keeps nobody out meanwhile.
        with _no_lock_timeout(schema_editor):
            schema_editor.execute(
                f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}", params=None
            )
            schema_editor.add_index(model, self.index, concurrently=True)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: ProjectState) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        index = from_state.models[app_label, self.model_name_lower].get_index_by_name(self.index.name)
        options = {"concurrently": True} if schema_editor.connection.vendor == "postgresql" else {}
        schema_editor.remove_index(model, index, **options)

    def describe(self) -> str:
        return f"{super().describe()}, while serving"


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
