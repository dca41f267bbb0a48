"""Django's PostgreSQL, counted by django-prometheus, for processes that must go on when the database hangs.

The server's own `statement_timeout` ends what takes long; it can't end the wait for a server that is frozen or cut off.
So every wait is watched from here, and ended by closing the connection's socket. The first that is ended opens the
breaker: whoever asks next is refused at once, but for one caller now and then who tries.
"""

import contextlib
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import psycopg2.extensions
from django.conf import settings
from django.db.utils import OperationalError
from django_prometheus.db.backends.postgresql import base

from accounts import database
from mlplatform.bounded_postgresql.watchdog import watchdog

SLOW_CONNECT_SECONDS = 0.5
"""A connection that was refused later than this was not refused by a server that is merely restarting."""
_GRACE_SECONDS = 5.0


class DatabaseWrapper(base.DatabaseWrapper):
    """Named in `DATABASES`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.execute_wrappers.append(self._execute)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        started, made = time.monotonic(), None
        # One that comes late has come: on a busy machine that is no silence.
        with _asked(lambda: made is None and time.monotonic() - started > SLOW_CONNECT_SECONDS):
            if (seconds := database.patience_seconds()) is not None:
                _knock(conn_params, seconds)
            made = super().get_new_connection(conn_params)
        return made

    def is_usable(self) -> bool:
        try:
            with self._watched():
                return bool(super().is_usable())
        except OperationalError:
            return False

    def _execute(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        with self._watched():
            return execute(sql, params, many, context)

    def _commit(self) -> None:
        with self._watched():
            super()._commit()

    def _rollback(self) -> None:
        with self._watched():
            super()._rollback()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        connection, seconds = self.connection, database.patience_seconds() or _usual_seconds()
        if connection is None or connection.closed or seconds is None:
            yield
            return
        with watchdog.over(connection.fileno(), seconds) as watch, _asked(lambda: watch.was_cut):
            yield


def _knock(conn_params: dict[str, Any], seconds: float) -> None:
    """Raise OperationalError unless a connection can be had in that time: libpq's own limit is two seconds at least.

    One that was made so can't be used otherwise, so it is closed again.
    """
    with contextlib.closing(psycopg2.connect(**conn_params, async_=1)) as tried:
        until = time.monotonic() + seconds
        while (wanted := tried.poll()) != psycopg2.extensions.POLL_OK:
            ready = select.poll()
            ready.register(tried.fileno(), select.POLLIN if wanted == psycopg2.extensions.POLL_READ else select.POLLOUT)
            if not ready.poll(1000 * max(0.0, until - time.monotonic())):
                raise OperationalError("The database does not take a connection.")


def _usual_seconds() -> float | None:
    """Longer than the server gives a statement; None where it gives it for ever."""
    limit = settings.DATABASE_STATEMENT_SECONDS
    return limit + _GRACE_SECONDS if limit else None


@contextmanager
def _asked(hung: Callable[[], bool]) -> Iterator[None]:
    """One question to the database, or none while it is known to be away. `hung`: whether the error is a silence."""
    if not database.breaker.lets_try():
        raise OperationalError("The database does not answer; it is asked again in a moment.")
    answered = False
    try:
        yield
        answered = True
    finally:
        # A connection's own check tells of a silence by what it returns, not by an error.
        if hung() or (not answered and database.is_away()):
            if database.breaker.failed():
                watchdog.hurry()
        else:
            database.breaker.succeeded()
