"""On a busy machine an answer comes late. No test takes that for a silence of the database or of Redis.

In production a caller waits a moment and goes on without them; and whoever waited in vain opens a breaker, so that the
others need not wait. In a run of tests one late answer would so fail a test, and those that come after it.
"""

import os
from collections.abc import Iterator

import pytest

SECONDS = 120.0
SETTINGS = {
    "DATABASE_CONNECT_SECONDS": "120",
    "DATABASE_STATEMENT_SECONDS": "120",
    "DATABASE_LOCK_SECONDS": "120",
    "DATABASE_IDLE_SECONDS": "600",
    "REDIS_SECONDS": "60",
}
"""Of this process and of those that tests start; tests/faults, which judges what production does, takes them back."""


def begin() -> None:
    """Before Django reads its settings."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


@pytest.fixture(scope="session", autouse=True)
def patient() -> Iterator[None]:
    """What is no setting waits as long, too."""
    from accounts import credentials
    from accounts.limiting import redis_table
    from inference import process, shared_answers

    with pytest.MonkeyPatch.context() as patch:
        for module in (credentials, process):
            patch.setattr(module, "_PATIENCE_SECONDS", SECONDS)
        for module in (redis_table, shared_answers):
            patch.setattr(module, "TIMEOUT_SECONDS", SECONDS)
        yield
