"""An index that is built while the table is in use, by a migration that may be repeated."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations.state import ProjectState

from accounts.indexes import BuildIndex
from monitoring import partitions

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "apikey_by_name_and_time"


def names() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, "accounts_apikey"))


def test_it_is_built_and_taken_away_and_what_was_left_behind_is_no_hindrance() -> None:
    operation = BuildIndex("apikey", models.Index(fields=["name", "created_at"], name=NAME))
    before = ProjectState.from_apps(apps)
    after = before.clone()
    operation.state_forwards("accounts", after)
    times = 2 if connection.vendor == "postgresql" else 1
    for _ in range(times):
        with connection.schema_editor(atomic=False) as editor:
            operation.database_forwards("accounts", editor, before, after)
        assert NAME in names()
    with connection.schema_editor(atomic=False) as editor:
        operation.database_backwards("accounts", editor, after, before)
    assert NAME not in names()


def test_on_postgresql_nobody_is_kept_out_and_no_lock_timeout_ends_it() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite builds indexes in one way only")
    operation = BuildIndex("apikey", models.Index(fields=["name"], name=NAME))
    before = ProjectState.from_apps(apps)
    after = before.clone()
    operation.state_forwards("accounts", after)
    with connection.schema_editor(atomic=False, collect_sql=True) as editor:
        operation.database_forwards("accounts", editor, before, after)
    sql: list[Any] = [line for line in editor.collected_sql if "INDEX" in line]
    assert len(sql) == 2
    assert all("CONCURRENTLY" in line for line in sql)


class CutShort(Exception):
    """An attempt ended here."""


@pytest.mark.parametrize("statements", [1, 3, 4, 5])
def test_of_a_partitioned_table_each_partition_gets_its_own_and_an_attempt_goes_on_behind_the_last(
    statements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("partitions are PostgreSQL's")
    operation = BuildIndex("predictionlog", models.Index(fields=["status_code"], name="by_status_code"))
    before = ProjectState.from_apps(apps)
    after = before.clone()
    operation.state_forwards("monitoring", after)

    def build(most: int) -> list[str]:
        executed: list[str] = []
        with connection.schema_editor(atomic=False) as editor:
            really = editor.execute

            def execute(sql: Any, params: Any = None) -> None:
                if len(executed) == most:
                    raise CutShort
                executed.append(str(sql))
                really(sql, params)

            monkeypatch.setattr(editor, "execute", execute)
            operation.database_forwards("monitoring", editor, before, after)
        return executed

    with pytest.raises(CutShort):
        build(statements)
    assert invalid() == 1
    executed = build(1000)
    assert invalid() == 0
    # One statement for the whole, three for each partition; only the one that was cut short is begun again.
    parts = len(partitions.days()) + 1
    assert len(executed) == {1: 3 * parts, 3: 3 * parts - 2, 4: 3 * parts - 3, 5: 3 * parts - 3}[statements]
    assert not any("CREATE INDEX" in sql and "CONCURRENTLY" not in sql for sql in executed)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_backwards("monitoring", editor, after, before)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'by_status_code%'")
        assert cursor.fetchone() == (0,)


def invalid() -> int:
    """How many indexes are not finished."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
        return int(cursor.fetchone()[0])
