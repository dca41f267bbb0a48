"""An index that is built while the table is in use, by a migration that may be repeated."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations.state import ProjectState

from accounts.indexes import BuildIndex

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
