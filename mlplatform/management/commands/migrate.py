"""`manage.py migrate`: Django's, for a database that others are using."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

LOCK_NOT_AVAILABLE = "55P03"
PAUSE_SECONDS = 1.0
_LOCK_KEY = 7_265_107_301
"""Of the advisory lock that one migrate holds at a time."""
_OLDEST = """\
    SELECT pid, application_name, state, EXTRACT(EPOCH FROM now() - xact_start)::int FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
    ORDER BY xact_start LIMIT 3"""


class Command(migrate.Command):
    """On PostgreSQL a change of a table waits for whoever uses it, and everybody after it waits for the change. So it
    waits MIGRATE_LOCK_SECONDS at most, gives up, lets the others pass and tries again, MIGRATE_ATTEMPTS times. What was
    applied stays applied, so a later attempt begins where the last one ended. Only one migrate runs at a time.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        only_asks = options["plan"] or options["check_unapplied"]
        if connection.vendor != "postgresql" or settings.MIGRATE_LOCK_SECONDS <= 0 or only_asks:
            super().handle(*args, **options)
            return
        for attempt in range(1, settings.MIGRATE_ATTEMPTS + 1):
            try:
                with _patience(connection, settings.MIGRATE_LOCK_SECONDS):
                    super().handle(*args, **options)
                return
            except OperationalError as error:
                if getattr(error.__cause__, "pgcode", None) != LOCK_NOT_AVAILABLE:
                    raise
                connection.close()
                self.stderr.write(f"A table is in use (attempt {attempt}): {_who(connection)}")
                if attempt < settings.MIGRATE_ATTEMPTS:
                    time.sleep(PAUSE_SECONDS)
        raise CommandError(
            f"Gave up after {settings.MIGRATE_ATTEMPTS} attempts; nothing is half done, and migrate may be run again."
        )


@contextmanager
def _patience(connection: BaseDatabaseWrapper, seconds: float) -> Iterator[None]:
    """Wait for a lock for so long and no longer, and be the only one who migrates."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{int(seconds * 1000)}ms"])
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK_KEY])
    try:
        yield
    finally:
        if connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK_KEY])
                cursor.execute("RESET lock_timeout")


def _who(connection: BaseDatabaseWrapper) -> str:
    """The oldest transactions, which are the ones to be waited for."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        found = cursor.fetchall()
    said = (f"process {pid} {name!r} ({state}, for {seconds} s)" for pid, name, state, seconds in found)
    return ", ".join(said) or "the transaction has just ended."
