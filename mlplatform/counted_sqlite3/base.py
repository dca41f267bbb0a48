"""Django's SQLite with django-prometheus' counts.

The library makes a class of cursors anew for each cursor; here there is one for each connection, so that a process
which asks the database a few times a second does not make garbage for it.
"""

from functools import cached_property
from typing import Any

from django_prometheus.db.backends.sqlite3 import base
from django_prometheus.db.common import ExportingCursorWrapper


class DatabaseWrapper(base.DatabaseWrapper):
    """Named in `DATABASES`."""

    @cached_property
    def _counting_cursor(self) -> Any:
        return ExportingCursorWrapper(self.CURSOR_CLASS, self.alias, self.vendor)

    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(factory=self._counting_cursor)
