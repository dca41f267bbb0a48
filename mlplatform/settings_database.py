"""How long the platform waits for its database and for Redis. Read by `mlplatform/settings.py`.

A network that fails tells nobody: without limits a process waits for a quarter of an hour for an answer that was lost.
"""

import sys
from pathlib import Path
from typing import Any

from mlplatform import env

_IS_JOB_RUNNER = sys.argv[1:2] == ["runjobs"]
# Commands come and go: what they counted of their queries would come to the metrics and leave them again.
IS_COMMAND = Path(sys.argv[0]).name == "manage.py" and sys.argv[1:2] not in (["serve"], ["runjobs"])
COUNTED = {
    "django.db.backends.sqlite3": "mlplatform.counted_sqlite3",
    "django.db.backends.postgresql": "mlplatform.bounded_postgresql",
}
_SILENT_SECONDS = 15


def postgresql_options() -> dict[str, Any]:
    """libpq's parameters; those that DATABASE_URL names come on top."""
    limits = {
        "statement_timeout": _statement_seconds,
        "lock_timeout": _lock_seconds,
        "idle_in_transaction_session_timeout": _idle_seconds,
    }
    set_at_start = " ".join(f"-c {name}={int(seconds * 1000)}" for name, seconds in limits.items() if seconds)
    if set_at_start:
        # No statement here runs long enough for what PostgreSQL spends on compiling it.
        set_at_start += " -c jit=off"
    return {
        "connect_timeout": _connect_seconds,
        # A server that is gone without a word is noticed after that long, whoever waits.
        "keepalives_idle": _SILENT_SECONDS - 6,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": _SILENT_SECONDS * 1000,
        **({"options": set_at_start} if set_at_start else {}),
    }


def redis_options() -> dict[str, Any]:
    """django-redis' options: short waits, and no second try, for what is only a cache."""
    # Only where there is a Redis: the library takes 6 MB of every process.
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {
        # JSON, never pickle: who can write to Redis must not be able to run code here.
        "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
        "SOCKET_CONNECT_TIMEOUT": _redis_seconds,
        "SOCKET_TIMEOUT": _redis_seconds,
        "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 0)},
    }


_connect_seconds = env.integer(
    "DATABASE_CONNECT_SECONDS", 2, "How long a new connection to PostgreSQL may take (2 is libpq's least)."
)
DATABASE_STATEMENT_SECONDS = env.number(
    "DATABASE_STATEMENT_SECONDS",
    30.0,
    "The longest a statement of a serving process may take in PostgreSQL; jobs and commands may take longer. 0: no "
    "limit. This and the next two are sent when a connection begins, which PgBouncer must be told to let pass.",
)
_lock_seconds = env.number(
    "DATABASE_LOCK_SECONDS", 10.0, "How long a serving process or a job waits for a lock in PostgreSQL; 0: no limit."
)
_idle_seconds = env.number(
    "DATABASE_IDLE_SECONDS", 60.0, "After so long without a statement PostgreSQL ends a transaction; 0: never."
)
_redis_seconds = env.number("REDIS_SECONDS", 0.25, "How long the shared cache waits for Redis.")

if IS_COMMAND or _IS_JOB_RUNNER:
    DATABASE_STATEMENT_SECONDS = 0.0
if IS_COMMAND:
    _lock_seconds = _idle_seconds = 0.0
_statement_seconds = DATABASE_STATEMENT_SECONDS
