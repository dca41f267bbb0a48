"""Spool files on disk: their names, locks and end.

A file belongs to one writing process, which holds an exclusive lock on it for as long as it writes to it. A
file whose lock can be had has no writer any more. Local disks only: the lock must be one lock for every
process that sees the file.

A file ends in three steps that may each be the last one before a crash: it is renamed to `*.done` (from then
on nobody loads it), its checkpoint row is deleted, and it is unlinked.
"""

import fcntl
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from django.conf import settings

SUFFIX = ".jsonl"
DONE = ".done"
REJECTED = "rejected.log"
LOADER = "loader.lock"


@cache
def host() -> str:
    """This machine's name, as spool directories and rows carry it."""
    return socket.gethostname().replace("/", "_") or "localhost"


def directory(of: str | None = None) -> Path:
    """The spool directory of a host (of this one by default)."""
    return Path(settings.SPOOL_DIR) / (of or host())


def create() -> tuple[int, Path]:
    """A new, empty spool file, locked by the returned descriptor (open for appending and reading)."""
    folder = directory()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        path = folder / f"{time.time_ns():x}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # Before it was locked somebody may have taken the file for a dead writer's and removed it: again.
        if _lock(descriptor) and os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)


def opened_at(path: Path) -> float:
    """When the spool file was begun, in epoch seconds; its name says so. 0 for one that was named by somebody else."""
    try:
        return int(path.name.partition("-")[0], 16) / 1e9
    except ValueError:
        return 0.0


def listed(folder: Path, suffix: str = SUFFIX) -> list[Path]:
    """The spool files of a host's directory, oldest first."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(suffix))
    except FileNotFoundError:
        return []


def hosts() -> list[str]:
    """Every host that has a spool directory here."""
    try:
        return sorted(entry.name for entry in Path(settings.SPOOL_DIR).iterdir() if entry.is_dir())
    except FileNotFoundError:
        return []


@contextmanager
def abandoned(path: Path) -> Iterator[int | None]:
    """A locked descriptor of the file at `path`, or None when its writer lives or the file is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor if _lock(descriptor) and _is_at(descriptor, path) else None
    finally:
        os.close(descriptor)


def retire(path: Path) -> Path:
    """The first step of a file's end: from now on nobody loads it. Returns its new path."""
    done = path.with_name(path.name + DONE)
    path.rename(done)
    return done


def used_bytes() -> int:
    """Disk taken by this host's spool directory."""
    total = 0
    try:
        with os.scandir(directory()) as entries:
            for entry in entries:
                try:
                    total += entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue
    except FileNotFoundError:
        return 0
    return total


def claim_loading() -> int | None:
    """A descriptor that makes its process the one that loads for this host until it is closed; None when another is."""
    return _loader_lock(fcntl.LOCK_EX)


def has_loader() -> bool:
    """Whether a process loads for this host."""
    descriptor = _loader_lock(fcntl.LOCK_SH)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _loader_lock(kind: int) -> int | None:
    folder = directory()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / LOADER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if _lock(descriptor, kind):
        return descriptor
    os.close(descriptor)
    return None


def _lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether `path` still names the file behind the descriptor (it may have been renamed before the lock was
    had).
    """
    try:
        at_path = os.stat(path)
    except FileNotFoundError:
        return False
    behind = os.fstat(descriptor)
    return (at_path.st_dev, at_path.st_ino) == (behind.st_dev, behind.st_ino)
