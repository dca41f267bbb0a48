"""The store that hosts share: model files as objects that are named by their digest and never change.

Any backend of Django's storage API will do that replaces an object whole; `mlplatform/settings_storage.py` makes the
one for a bucket. Nothing here trusts what it reads: callers compare digests.
"""

import errno
import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cachetools import LRUCache
from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages

from registry.errors import RegistryError, StorageUnavailable

log = logging.getLogger(__name__)

LOCAL, S3 = "local", "s3"
_PIECE = 1 << 20
_DENIED = ("403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden", "ExpiredToken")
_NO_BUCKET = ("404", "NoSuchBucket")

_made: dict[tuple[int, str], Storage] = {}
_seen: "LRUCache[str, tuple[str, str, float]]" = LRUCache(10_000)
_lock = threading.Lock()


def is_used() -> bool:
    """Whether hosts share their model files by a store; otherwise these lie below MODELS_DIR."""
    return bool(settings.ARTIFACT_STORAGE != LOCAL)


def key(sha256: str) -> str:
    """The name of the object with that digest."""
    return f"artifacts/{sha256[:2]}/{sha256}"


def put(path: Path, sha256: str) -> None:
    """Keep the file at `path`, whose digest is `sha256`. Raises StorageUnavailable; may be called again."""
    with path.open("rb") as opened, _translated():
        name = _storage().save(key(sha256), File(opened))
        if name != key(sha256):
            raise StorageUnavailable("The store doesn't replace objects; it can't be used.", reason="misconfigured")


def pieces(sha256: str) -> Iterator[bytes]:
    """An object's bytes. Raises FileNotFoundError when there is none, StorageUnavailable when it can't be told."""
    with _translated(), _storage().open(key(sha256)) as opened:
        yield from opened.chunks(_PIECE)


def size(sha256: str) -> int | None:
    """An object's bytes; None when there is none. Raises StorageUnavailable."""
    try:
        with _translated():
            storage = _storage()
            if not storage.exists(key(sha256)):
                raise FileNotFoundError(sha256)
            return int(storage.size(key(sha256)))
    except FileNotFoundError:
        return None


def digest_of(sha256: str) -> str:
    """The digest of what lies where an object of that digest belongs. Raises as `pieces` does.

    It is read through once, and again when its fingerprint has changed or SCRUB_SECONDS have gone by: whoever changes
    an object changes its fingerprint, which costs one small question.
    """
    present = _fingerprint(sha256)
    with _lock:
        seen, digest, at = _seen.get(sha256, ("", "", 0.0))
    if seen == present and time.monotonic() - at < settings.SCRUB_SECONDS:
        return digest
    found = hashlib.sha256()
    for piece in pieces(sha256):
        found.update(piece)
    with _lock:
        _seen[sha256] = (present, found.hexdigest(), time.monotonic())
    return found.hexdigest()


def probe() -> None:
    """Ask the store whether it can be used. Raises StorageUnavailable."""
    with _translated():
        storage = _storage()
        if hasattr(storage, "require_bucket"):
            storage.require_bucket()
        else:
            storage.exists(key("0" * 64))


def forget() -> None:
    """Let go of what was seen and of all connections."""
    with _lock:
        _seen.clear()
        _made.clear()


def _fingerprint(sha256: str) -> str:
    with _translated():
        storage = _storage()
        if hasattr(storage, "fingerprint"):
            return str(storage.fingerprint(key(sha256)))
        return f"{storage.get_modified_time(key(sha256)).timestamp()} {storage.size(key(sha256))}"


def _storage() -> Any:
    """This process's own: connections don't live through a fork."""
    known = (os.getpid(), json.dumps(settings.ARTIFACT_BUCKET, sort_keys=True, default=str))
    with _lock:
        if known not in _made:
            _made[known] = storages.create_storage(settings.ARTIFACT_BUCKET)
        return _made[known]


@contextmanager
def _translated() -> Iterator[None]:
    """Whatever a backend raises, as an error of ours; that an object is missing stays FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        _require_store()
        raise
    except RegistryError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise  # this host's disk, not the store
        raise _unavailable(error) from error


def _require_store() -> None:
    """A server says of a missing object and of a missing bucket the same; only the former is damage."""
    storage = _storage()
    if hasattr(storage, "require_bucket"):
        try:
            storage.require_bucket()
        except Exception as error:
            raise _unavailable(error) from error


def _unavailable(error: Exception) -> StorageUnavailable:
    log.warning("the store of model files can't be used: %s: %s", type(error).__name__, error)
    code = str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
    if code in _DENIED:
        return StorageUnavailable("The store of model files denies access to this platform.", reason="denied")
    if code in _NO_BUCKET:
        return StorageUnavailable("The bucket for model files doesn't exist.", reason="no_bucket")
    if isinstance(error, ImportError):
        return StorageUnavailable("The library for S3 is missing: install the extra `s3`.", reason="misconfigured")
    return StorageUnavailable("The store of model files doesn't answer; try again.", reason="unreachable")
