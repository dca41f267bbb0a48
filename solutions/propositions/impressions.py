"""What was shown, written before the answer leaves: in one transaction for all lists that are shown at that moment.

SQLite lets one connection write at a time and has the others try again after pauses that grow; with many clients those
pauses are what a list takes longest for. So the threads of a process take turns, and whose turn it is writes the rows
of all who wait. Those then find theirs written.
"""

import threading
from dataclasses import dataclass, field

from django.db import IntegrityError, connection

from solutions.propositions.models import Interaction


@dataclass(slots=True)
class _Together:
    """The rows of several lists, until one thread has written them."""

    rows: list[Interaction] = field(default_factory=list)
    is_tried: bool = False
    error: Exception | None = None


_joining = threading.Lock()
_writing = threading.Lock()
_next = _Together()


def log(rows: list[Interaction]) -> None:
    """Write the impressions of one list. Raises what the database raises."""
    if connection.in_atomic_block:
        # What others wait for must not depend on a transaction of ours.
        _write(rows)
        return
    with _joining:
        together = _next
        together.rows += rows
    with _writing:
        if not together.is_tried:
            _try(together)
    if isinstance(together.error, IntegrityError):
        # One of the lists names what is gone meanwhile; the others do not suffer for it.
        _write(rows)
    elif together.error is not None:
        raise together.error


def _try(together: _Together) -> None:
    global _next
    with _joining:
        _next = _Together()
    together.is_tried = True
    try:
        _write(together.rows)
    except Exception as error:
        together.error = error


def _write(rows: list[Interaction]) -> None:
    Interaction.objects.bulk_create(rows)
