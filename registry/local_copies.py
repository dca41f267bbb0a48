"""This host's copies of files that lie in the shared store: bounded, each fetched once, read through at each use.

A copy is named by its digest, is placed whole, and is never written again. Processes of one host share the folder; what
must not happen twice at once is guarded by locks on files, which end with their process.
"""

import fcntl
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from registry import shared_store

log = logging.getLogger(__name__)

_DRAFT, _LOCKS, _EVICTING = ".draft-", "locks", "evicting"
_DIGEST_LENGTH = 64


def opened(sha256: str) -> tuple[BinaryIO, str]:
    """A copy, open at its beginning, and the digest of what it holds, which was read through just now.

    A copy that is missing or damaged is fetched. When the digest isn't `sha256` the store's own object is damaged, and
    no copy is kept. Raises FileNotFoundError, StorageUnavailable, OSError (a full disk).
    """
    copy = _whole(sha256)
    if copy is None:
        with _alone(sha256[:2]):  # whoever waited finds what the first one fetched
            copy = _whole(sha256)
            if copy is None:
                return _fetched(sha256)
    return copy, sha256


def adopt(path: Path, sha256: str) -> None:
    """Make the file at `path`, which has that digest and is on this disk, the copy: it needn't be fetched then."""
    path.chmod(0o400)
    os.replace(path, _folder() / sha256)
    _evict(sha256)


def sweep(older_than_seconds: float) -> int:
    """Remove what processes left behind that died while they fetched; returns how many."""
    limit, removed = time.time() - older_than_seconds, 0
    for draft in _folder().glob(f"{_DRAFT}*"):
        if draft.stat().st_mtime < limit:
            draft.unlink(missing_ok=True)
            removed += 1
    return removed


def held() -> tuple[int, int]:
    """How many copies there are, and their bytes."""
    sizes = [size for _, size, _ in _copies()]
    return len(sizes), sum(sizes)


def _folder() -> Path:
    folder = Path(settings.VAR_DIR) / "artifacts"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _whole(sha256: str) -> BinaryIO | None:
    path = _folder() / sha256
    try:
        copy = path.open("rb")
    except FileNotFoundError:
        return None
    if hashlib.file_digest(copy, "sha256").hexdigest() != sha256:
        copy.close()
        log.warning("this host's copy of %s was damaged; it is fetched again", sha256)
        path.unlink(missing_ok=True)
        return None
    copy.seek(0)
    with suppress(FileNotFoundError):
        os.utime(path)  # the least recently used is the first to go
    return copy


def _fetched(sha256: str) -> tuple[BinaryIO, str]:
    descriptor, name = tempfile.mkstemp(dir=_folder(), prefix=_DRAFT)
    draft, copy = Path(name), os.fdopen(descriptor, "w+b")
    try:
        found = hashlib.sha256()
        for piece in shared_store.pieces(sha256):
            found.update(piece)
            copy.write(piece)
        copy.flush()
        os.fsync(copy.fileno())
        copy.seek(0)
        if found.hexdigest() == sha256:
            draft.chmod(0o400)
            os.replace(draft, _folder() / sha256)
            _evict(sha256)
    except BaseException:
        copy.close()
        raise
    finally:
        draft.unlink(missing_ok=True)
    return copy, found.hexdigest()


def _evict(newest: str) -> None:
    """Remove the least recently used until the rest fits. The newest stays, and what is open stays readable."""
    with _alone(_EVICTING):
        copies = sorted(_copies())
        total = sum(size for _, size, _ in copies)
        for _, size, path in copies:
            if total <= settings.ARTIFACT_CACHE_BYTES:
                return
            if path.name != newest:
                path.unlink(missing_ok=True)
                total -= size


def _copies() -> list[tuple[float, int, Path]]:
    """When each was last used, its bytes and its path."""
    found = []
    for path in _folder().iterdir():
        if len(path.name) == _DIGEST_LENGTH:
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            found.append((facts.st_mtime, facts.st_size, path))
    return found


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Wait until no other thread or process of this host is at the same."""
    locks = _folder() / _LOCKS
    locks.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(locks / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
