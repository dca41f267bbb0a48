"""The one door to model files: streamed in, hashed on the way, kept under names the platform makes, checked when read.

Layout below MODELS_DIR: `<owner id>/<model name>/v<N>/model.<ext>` and, beside it, `compiled.<runtime>` and
`explainer.plan`. With ARTIFACT_STORAGE=s3 they lie in the shared store, under their digests, and each host keeps
copies of those that it uses; the names above are kept in the database all the same.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from registry import local_copies, recognise, shared_store
from registry.errors import ArtifactInvalid, ArtifactMissing, ArtifactTooLarge, DigestMismatch, SealBroken
from registry.models import Format
from registry.seals import StoredFile

_PIECE = 1 << 20
_EXTENSION = {
    Format.ONNX: "onnx",
    Format.SKLEARN: "joblib",
    Format.SKOPS: "skops",
    Format.XGBOOST: "xgboost",
    Format.LIGHTGBM: "lightgbm",
    Format.TORCHSCRIPT: "pt",
    Format.TORCH_EXPORT: "pt2",
}


@dataclass(frozen=True, slots=True)
class StagedArtifact:
    """A complete, recognised file that waits below STAGING_DIR to be given its place."""

    path: Path
    sha256: str
    size_bytes: int
    format: Format

    def share(self) -> None:
        """Bring the file to the shared store, where there is one: before the transaction that needs it, because it
        may take long. Raises StorageUnavailable. Whatever fails later leaves an object that nobody names."""
        if shared_store.is_used():
            shared_store.put(self.path, self.sha256)

    def place_for(self, owner_id: int, model_name: str, number: int) -> str:
        """Where the file of that version lies in the store, relative to MODELS_DIR."""
        return f"{owner_id}/{model_name}/v{number}/model.{_EXTENSION[self.format]}"

    def place(self, relative: str) -> None:
        """Move the file to that place in the store."""
        if shared_store.is_used():
            local_copies.adopt(self.path, self.sha256)
            return
        target = settings.MODELS_DIR / relative
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.replace(self.path, target)

    def discard(self) -> None:
        """Remove the file if it was not placed."""
        self.path.unlink(missing_ok=True)


def stage(file: BinaryIO, *, sha256: str = "", progress: Callable[[int], None] | None = None) -> StagedArtifact:
    """Copy `file` below STAGING_DIR while hashing it, and recognise its format.

    Raises ArtifactTooLarge over MAX_ARTIFACT_BYTES, ArtifactInvalid when it can't be a model or when `sha256` is
    given and differs (code `digest_mismatch`). Nothing is left behind when it raises.
    """
    descriptor, name = tempfile.mkstemp(dir=settings.STAGING_DIR, prefix="artifact-")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as target:
            digest, size = _copy(file, target, progress)
            target.flush()
            os.fsync(target.fileno())
        if sha256 and sha256.lower() != digest:
            raise ArtifactInvalid(
                "The file's SHA-256 isn't the one given: the upload was damaged.",
                code="digest_mismatch",
                field="sha256",
            )
        return StagedArtifact(path, digest, size, recognise.recognise(path))
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _copy(source: BinaryIO, target: BinaryIO, progress: Callable[[int], None] | None) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while piece := source.read(_PIECE):
        size += len(piece)
        if size > settings.MAX_ARTIFACT_BYTES:
            raise ArtifactTooLarge(
                f"The file is larger than {settings.MAX_ARTIFACT_BYTES:,} bytes.",
                field="file",
                limit_bytes=settings.MAX_ARTIFACT_BYTES,
            )
        digest.update(piece)
        target.write(piece)
        if progress:
            progress(size)
    return digest.hexdigest(), size


def path_of(relative: str) -> Path:
    """Where a stored file lies, unless it lies in the shared store."""
    return Path(settings.MODELS_DIR) / relative


@contextmanager
def held(file: StoredFile) -> Iterator[Path]:
    """A path under which a stored file, read through just now, can be opened meanwhile. Raises as `read_verified`."""
    with open_verified(file) as opened:
        # By its name one might open another file: one put in its place, or none where a copy was evicted.
        yield Path(f"/proc/self/fd/{opened.fileno()}")


def size_of(file: StoredFile) -> int:
    """A stored file's bytes. Raises ArtifactMissing, StorageUnavailable."""
    if shared_store.is_used():
        found = shared_store.size(file.sha256)
        if found is None:
            raise missing(file)
        return found
    try:
        return path_of(file.path).stat().st_size
    except OSError as error:
        raise missing(file) from error


def store_compiled(artifact: str, content: bytes, runtime: str) -> tuple[str, str]:
    """Write the form compiled for `runtime` beside `artifact`, whole or not at all; returns (relative path, sha256)."""
    return _store_beside(artifact, content, f"compiled.{runtime}")


def store_explainer(artifact: str, content: bytes) -> tuple[str, str]:
    """Write what explains the model beside `artifact`, whole or not at all; returns (relative path, sha256)."""
    return _store_beside(artifact, content, "explainer.plan")


def _store_beside(artifact: str, content: bytes, name: str) -> tuple[str, str]:
    relative = str(Path(artifact).parent / name)
    sha256 = hashlib.sha256(content).hexdigest()
    if shared_store.is_used():
        draft, target = Path(settings.STAGING_DIR) / f"compiled-{sha256}-{os.getpid()}", None
    else:
        target = path_of(relative)
        draft = target.with_suffix(f".draft-{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target is None:
            shared_store.put(draft, sha256)
            local_copies.adopt(draft, sha256)
        else:
            os.replace(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return relative, sha256


def read_verified(file: StoredFile) -> bytes:
    """The bytes of a stored file. Raises DigestMismatch unless they are the ones recorded and their seal holds, and
    StorageUnavailable when this host has no copy and the shared store can't be asked."""
    if shared_store.is_used():
        with open_verified(file) as opened:
            content = opened.read()
    else:
        try:
            content = path_of(file.path).read_bytes()
        except OSError as error:
            raise missing(file) from error
    require(file, hashlib.sha256(content).hexdigest())
    return content


def check(file: StoredFile) -> None:
    """Look at a stored file where all hosts would read it, without keeping it. Raises as `read_verified` does."""
    if not shared_store.is_used():
        with open_verified(file):
            return
    try:
        digest = shared_store.digest_of(file.sha256)
    except FileNotFoundError as error:
        raise missing(file) from error
    require(file, digest)


def open_verified(file: StoredFile) -> BinaryIO:
    """A stored file, open at its beginning, after it was read through once. Raises as `read_verified` does."""
    try:
        opened, digest = local_copies.opened(file.sha256) if shared_store.is_used() else _on_disk(file)
    except FileNotFoundError as error:
        raise missing(file) from error
    try:
        require(file, digest)
        opened.seek(0)
    except BaseException:
        opened.close()
        raise
    return opened


def _on_disk(file: StoredFile) -> tuple[BinaryIO, str]:
    try:
        opened = path_of(file.path).open("rb")
    except OSError as error:
        raise missing(file) from error
    try:
        return opened, hashlib.file_digest(opened, "sha256").hexdigest()
    except BaseException:
        opened.close()
        raise


def require(file: StoredFile, digest: str) -> None:
    """Raises DigestMismatch unless `digest` is the one recorded, SealBroken unless the record is sealed."""
    if digest != file.sha256:
        raise DigestMismatch(
            f"The {file.form} file was changed after it was recorded; it will not be loaded.", form=file.form
        )
    if not file.holds():
        raise SealBroken(f"The {file.form} file's digest was not recorded by this platform.", form=file.form)


def missing(file: StoredFile) -> ArtifactMissing:
    """The error that says that a stored file is gone."""
    return ArtifactMissing(f"The {file.form} file is missing from the model store.", form=file.form)


def sweep(older_than_seconds: float = 24 * 3600) -> int:
    """Remove uploads that never became a version; returns how many."""
    limit, removed = time.time() - older_than_seconds, 0
    for path in Path(settings.STAGING_DIR).iterdir():
        if path.stat().st_mtime < limit:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            removed += 1
    return removed + (local_copies.sweep(older_than_seconds) if shared_store.is_used() else 0)
