"""What is known of the database's health, and how long a caller waits for it. Pure: the backend acts on both.

A database that is gone refuses, which is quick. One that hangs, or lies behind a network that swallows everything, does
neither answer nor refuse: whoever finds that out tells the others through the breaker, so that they need not each wait.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.utils import Error, InterfaceError, OperationalError

from accounts.breaker import Breaker

Failure = Error
"""Whatever a database raises. Django's DatabaseError is not all: a connection that was closed under us raises
InterfaceError, which is none."""
AWAY = (OperationalError, InterfaceError)
"""What is raised where the database, and not what it was asked, is at fault."""
breaker = Breaker("database", first_pause=1.0, longest_pause=2.0)
_mine = threading.local()


def is_away() -> bool:
    """Whether the database did not answer in time when it was last asked, and nobody has heard from it since."""
    return breaker.is_open


@contextmanager
def patience(seconds: float | None) -> Iterator[None]:
    """Within, this thread waits at most that long for each answer of the database; None: as long as is usual."""
    before = patience_seconds()
    _mine.seconds = seconds if seconds is not None else before
    try:
        yield
    finally:
        _mine.seconds = before


def patience_seconds() -> float | None:
    """How long this thread waits for one answer; None: as long as is usual."""
    return getattr(_mine, "seconds", None)
