"""`migrate` on a database that others use: it gives way, comes back, and never holds up the queue."""

import contextlib
import threading
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.commands import migrate as djangos
from django.db import connection, transaction

from mlplatform.management.commands import migrate

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = "accounts_user"


@pytest.fixture(autouse=True)
def hurried(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one lock for all, and waits for it by itself")
    settings.MIGRATE_LOCK_SECONDS, settings.MIGRATE_ATTEMPTS = 0.1, 30
    monkeypatch.setattr(migrate, "PAUSE_SECONDS", 0.02)


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In place of Django's own work a change that takes the table for itself; how each attempt ended."""
    attempts: list[str] = []

    def change(*_: Any, **__: Any) -> None:
        attempts.append("began")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        attempts[-1] = "done"

    monkeypatch.setattr(djangos.Command, "handle", change)
    return attempts


def lock_timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        return str(cursor.fetchone()[0])


@contextlib.contextmanager
def a_long_reader() -> Iterator[Any]:
    """Another session that has read the table and not ended its transaction."""
    other = connection.copy()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {TABLE}")
    try:
        yield other
    finally:
        other.rollback()
        other.close()


def test_it_gives_up_while_a_table_is_in_use_and_comes_back_when_it_is_not(changes: list[str]) -> None:
    said, before = StringIO(), lock_timeout()
    with a_long_reader() as reader:
        release = threading.Timer(0.5, reader.rollback)
        reader.inc_thread_sharing()
        release.start()
        call_command("migrate", stderr=said)
        release.join()
    assert changes[0] == "began"
    assert changes[-1] == "done"
    assert "A table is in use (attempt 1): process" in said.getvalue()
    assert lock_timeout() == before, "what comes after it in this process waits as before"


def test_it_ends_after_its_attempts_and_says_who_is_in_the_way(changes: list[str], settings: Any) -> None:
    settings.MIGRATE_ATTEMPTS = 2
    said = StringIO()
    with a_long_reader(), pytest.raises(CommandError, match="Gave up after 2 attempts"):
        call_command("migrate", stderr=said)
    assert changes == ["began", "began"]
    assert "idle in transaction" in said.getvalue()


def test_two_do_not_migrate_at_once(changes: list[str], settings: Any) -> None:
    settings.MIGRATE_ATTEMPTS = 1
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [migrate._LOCK_KEY])
        with pytest.raises(CommandError, match="Gave up"):
            call_command("migrate", stderr=StringIO())
    finally:
        other.close()
    assert changes == []


def test_other_errors_are_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM nowhere")

    monkeypatch.setattr(djangos.Command, "handle", fail)
    with pytest.raises(Exception, match="nowhere"):
        call_command("migrate")
