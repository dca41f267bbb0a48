"""Lines that can't be loaded, kept beside the spool with the reason: by file and offset each is told apart."""

import errno
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from django.conf import settings

from monitoring.spool import files

logger = logging.getLogger(__name__)

Refused = tuple[int, bytes, str]
"""A line that can't be loaded: where it begins in its file, the line, why."""


def keep(name: str, refused: list[Refused]) -> None:
    """Append lines of a spool file, as long as there is room.

    Done before the commit: after a crash in between a line may be there twice, but never nowhere. Raises OSError when
    the disk doesn't take them all.
    """
    logger.error("%d records of %s were rejected, the first because: %s", len(refused), name, refused[0][2])
    lines = [
        orjson.dumps(
            {
                "file": name,
                "offset": offset,
                "at": time.time(),
                "reason": reason,
                "line": line.decode(errors="replace"),
            }
        )
        for offset, line, reason in refused
    ]
    text = b"\n".join(lines) + b"\n"
    with _locked(os.O_CREAT) as descriptor:
        size = os.fstat(descriptor).st_size
        if size < settings.SPOOL_ROTATE_BYTES and os.write(descriptor, text) != len(text):
            os.ftruncate(descriptor, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def erase(is_erased: Callable[[dict[str, Any]], bool]) -> int:
    """Take out the lines whose record `is_erased` means; how many went. This host's only."""
    try:
        with _locked(0) as descriptor:
            text = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
            lines = text.splitlines(keepends=True)
            kept = [line for line in lines if not is_erased(_record_in(line))]
            if len(kept) < len(lines):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, b"".join(kept))
    except FileNotFoundError:
        return 0
    return len(lines) - len(kept)


def _record_in(line: bytes) -> dict[str, Any]:
    """The record in a kept line; nothing where there is none to be read."""
    try:
        values = orjson.loads(orjson.loads(line)["line"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {}
    return values if isinstance(values, dict) else {}


@contextmanager
def _locked(flags: int) -> Iterator[int]:
    """The file, for one process at a time."""
    path = files.directory() / files.REJECTED
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
