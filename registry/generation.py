"""A number that changes whenever what is served changes.

The database row is the truth: every process polls it, so other hosts notice within one poll. On this host a counter in
a shared memory-mapped file changes in the moment of the commit, and reading it costs nothing, so each request may look.
"""

import fcntl
import mmap
import os
import struct
import threading
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F

from registry.models import Generation

_COUNTER = struct.Struct("<Q")
_lock = threading.Lock()
_counter: mmap.mmap | None = None


def bump() -> None:
    """Count up in the current transaction, and tell the processes of this host once it is committed."""
    if not Generation.objects.filter(pk=1).update(value=F("value") + 1):
        Generation.objects.get_or_create(pk=1, defaults={"value": 1})
    transaction.on_commit(signal)


def in_database() -> int:
    """The value in the database."""
    return Generation.objects.filter(pk=1).values_list("value", flat=True).first() or 0


def signal() -> None:
    """Count up the shared file, so that every process of this host looks again."""
    counter = _map()
    with _path().open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        counter[:8] = _COUNTER.pack(_COUNTER.unpack(counter[:8])[0] + 1)


def on_this_host() -> int:
    """The value of the shared file; a fraction of a microsecond."""
    value: int = _COUNTER.unpack_from(_counter or _map())[0]
    return value


def let_go() -> None:
    """Open the file anew with the next look: VAR_DIR has changed."""
    global _counter
    _counter = None


def _path() -> Path:
    return Path(settings.VAR_DIR) / "generation"


def _map() -> mmap.mmap:
    """The shared file; every request comes by here, so it is opened once."""
    global _counter
    with _lock:
        if _counter is None:
            descriptor = os.open(_path(), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if os.fstat(descriptor).st_size < _COUNTER.size:
                    os.posix_fallocate(descriptor, 0, _COUNTER.size)
                _counter = mmap.mmap(descriptor, _COUNTER.size)
            finally:
                os.close(descriptor)
        return _counter
