"""Bringing the model files of an installation from this host's directory to the shared store, or back.

Names in the database are the same in both, so nothing but files moves and the old place keeps them: an installation
goes on with its old setting meanwhile. May be stopped and begun again; what is there whole is left alone.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

from registry import artifacts, local_copies, shared_store
from registry.errors import DigestMismatch
from registry.models import ModelVersion
from registry.seals import StoredFile

Progress = Callable[[int, int, str], None]


@dataclass(slots=True)
class Moved:
    """How many files were copied, were there before, and can't be moved, the last with the reason."""

    copied: int = 0
    present: int = 0
    refused: list[str] = field(default_factory=list)


def move(*, to: str, progress: Progress) -> Moved:
    """Copy every stored file to `s3` or to `local`. `progress(done, of, name)`.

    Damaged files are told of and passed over. Raises StorageUnavailable when the store can't be asked, OSError when
    this disk is full.
    """
    shared_store.probe()
    versions = ModelVersion.objects.select_related("model").order_by("pk")
    versions = versions.defer("golden", "report", "sample", "expected", "signature")
    total, found = versions.count(), Moved()
    for done, version in enumerate(versions.iterator(chunk_size=500), start=1):
        for file in version.stored_files():
            try:
                is_new = _to_store(file) if to == shared_store.S3 else _to_disk(file)
            except DigestMismatch as error:
                found.refused.append(f"{version} ({file.form}): {error.message}")
            else:
                found.copied += is_new
                found.present += not is_new
        progress(done, total, str(version))
    return found


def _to_store(file: StoredFile) -> bool:
    try:
        if shared_store.digest_of(file.sha256) == file.sha256:
            return False
    except FileNotFoundError:
        pass
    path = artifacts.path_of(file.path)
    artifacts.require(file, _digest_on_disk(file))
    shared_store.put(path, file.sha256)
    return True


def _to_disk(file: StoredFile) -> bool:
    path = artifacts.path_of(file.path)
    if path.exists() and _digest_on_disk(file) == file.sha256:
        return False
    try:
        source, digest = local_copies.opened(file.sha256)
    except FileNotFoundError as error:
        raise artifacts.missing(file) from error
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with source:
        artifacts.require(file, digest)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with draft.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
                target.flush()
                os.fsync(target.fileno())
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    return True


def _digest_on_disk(file: StoredFile) -> str:
    try:
        with artifacts.path_of(file.path).open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise artifacts.missing(file) from error
