"""How much is spooled on this host and not yet in the database."""

import os
import time
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

from accounts import database
from monitoring.models import SpoolFile
from monitoring.spool import files

_LINE_BYTES = 4096
_last_offsets: dict[str, int] = {}


def pending() -> dict[str, Any]:
    """How much waits, and on how much disk.

    Keys: `bytes` and `files` not loaded yet, `oldest_seconds` (age of the oldest such record, None when there is
    none), `disk_bytes` of `max_bytes` (taken by all files), `rejected_bytes` (kept aside because the database can't
    hold them), and `is_exact`: False when the database can't be asked, and what it said last is taken.
    """
    offsets, is_exact = _offsets()
    waiting = 0
    waiting_files = 0
    oldest: float | None = None
    for path in files.listed(files.directory()):
        size = _size(path)
        offset = offsets.get(path.name, 0)
        if size <= offset:
            continue
        waiting += size - offset
        waiting_files += 1
        at = _time_of_record(path, offset)
        oldest = at if oldest is None or (at is not None and at < oldest) else oldest
    return {
        "bytes": waiting,
        "files": waiting_files,
        "oldest_seconds": None if oldest is None else max(0.0, time.time() - oldest),
        "rejected_bytes": _size(files.directory() / files.REJECTED),
        "is_exact": is_exact,
        "disk_bytes": files.used_bytes(),
        "max_bytes": settings.SPOOL_MAX_BYTES,
    }


def _offsets() -> tuple[dict[str, int], bool]:
    """How far each file was loaded, and whether that is what the database says now. It only ever grows."""
    global _last_offsets
    try:
        _last_offsets = dict(SpoolFile.objects.filter(host=files.host()).values_list("name", "offset"))
    except database.Failure:
        return _last_offsets, False
    return _last_offsets, True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _time_of_record(path: Path, offset: int) -> float | None:
    """When the record at `offset` was made; the file's last change where the record can't be read at a
    glance.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        line = os.pread(descriptor, _LINE_BYTES, offset).partition(b"\n")[0]
        values = orjson.loads(line)
        return float(values["at"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)
