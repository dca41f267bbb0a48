"""What a test wrote is taken away quickly: a test with transactions of its own empties a hundred tables."""

from collections.abc import Iterator
from typing import Any

import pytest

AUDIT_TABLE = "accounts_auditevent"
"""Its rows can't be deleted, only the table as a whole be emptied."""
MADE_ANEW = ("django_content_type", "auth_permission")
"""What Django makes whenever a database was migrated, or emptied."""


@pytest.fixture(scope="session", autouse=True)
def emptied_by_deleting() -> Iterator[None]:
    """PostgreSQL makes new files for each of a hundred tables that it truncates; deleting a few rows is quicker."""
    from django.db.backends.postgresql.operations import DatabaseOperations

    truncating = DatabaseOperations.sql_flush

    def sql_flush(self: Any, style: Any, tables: list[str], *, reset_sequences: bool = False, **how: Any) -> list[str]:
        if reset_sequences:
            return truncating(self, style, tables, reset_sequences=True, **how)
        others = [table for table in tables if table != AUDIT_TABLE]
        emptied = [f"TRUNCATE {AUDIT_TABLE}"] if len(others) < len(tables) else []
        return [*emptied, *(f"DELETE FROM {self.quote_name(table)}" for table in others)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        yield


@pytest.fixture(scope="session", autouse=True)
def made_anew_by_copying() -> Iterator[None]:
    """To find out which permissions there are takes hundreds of questions, and comes out the same each time."""
    from django.core.management.commands import flush

    asking = flush.emit_post_migrate_signal
    rows: dict[str, list[tuple[Any, ...]]] = {}

    def emit(verbosity: int, interactive: bool, db: str, **how: Any) -> None:
        if rows:
            _write(rows)
            return
        asking(verbosity, interactive, db, **how)
        rows.update(_read())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "emit_post_migrate_signal", emit)
        yield


def _read() -> dict[str, list[tuple[Any, ...]]]:
    from django.db import connection

    found = {}
    with connection.cursor() as cursor:
        for table in MADE_ANEW:
            cursor.execute(f"SELECT * FROM {table}")
            found[table] = list(cursor.fetchall())
    return found


def _write(rows: dict[str, list[tuple[Any, ...]]]) -> None:
    from django.contrib.contenttypes.models import ContentType
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        for table, content in rows.items():
            places = ", ".join(["%s"] * len(content[0]))
            cursor.executemany(f"INSERT INTO {table} VALUES ({places})", content)
    ContentType.objects.clear_cache()
