"""Model files on disk: streamed in, hashed on the way, kept under names the platform makes, checked when read.

Layout below MODELS_DIR: `<owner id>/<model name>/v<N>/model.<ext>` and, beside it, `compiled.<runtime>` and
`explainer.plan`.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from registry import recognise
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

    def place(self, owner_id: int, model_name: str, number: int) -> str:
        """Move the file to its place in the store and return that place, relative to MODELS_DIR."""
        relative = f"{owner_id}/{model_name}/v{number}/model.{_EXTENSION[self.format]}"
        target = settings.MODELS_DIR / relative
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.replace(self.path, target)
        return relative

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
    """Where a stored file lies."""
    return Path(settings.MODELS_DIR) / relative


def store_compiled(artifact: str, content: bytes, runtime: str) -> tuple[str, str]:
    """Write the form compiled for `runtime` beside `artifact`, whole or not at all; returns (relative path, sha256)."""
    return _store_beside(artifact, content, f"compiled.{runtime}")


def store_explainer(artifact: str, content: bytes) -> tuple[str, str]:
    """Write what explains the model beside `artifact`, whole or not at all; returns (relative path, sha256)."""
    return _store_beside(artifact, content, "explainer.plan")


def _store_beside(artifact: str, content: bytes, name: str) -> tuple[str, str]:
    relative = str(Path(artifact).parent / name)
    target = path_of(relative)
    draft = target.with_suffix(f".draft-{os.getpid()}")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, target)
    return relative, hashlib.sha256(content).hexdigest()


def read_verified(file: StoredFile) -> bytes:
    """The bytes of a stored file. Raises DigestMismatch unless they are the ones recorded and their seal holds."""
    try:
        content = path_of(file.path).read_bytes()
    except OSError as error:
        raise _missing(file) from error
    _require(file, hashlib.sha256(content).hexdigest())
    return content


def check(file: StoredFile) -> None:
    """Look at a stored file without keeping it in memory. Raises as `read_verified` does."""
    with open_verified(file):
        pass


def open_verified(file: StoredFile) -> BinaryIO:
    """A stored file, open at its beginning, after it was read through once. Raises as `read_verified` does."""
    try:
        opened = path_of(file.path).open("rb")
    except OSError as error:
        raise _missing(file) from error
    try:
        _require(file, hashlib.file_digest(opened, "sha256").hexdigest())
        opened.seek(0)
    except BaseException:
        opened.close()
        raise
    return opened


def _require(file: StoredFile, digest: str) -> None:
    if digest != file.sha256:
        raise DigestMismatch(
            f"The {file.form} file was changed after it was recorded; it will not be loaded.", form=file.form
        )
    if not file.holds():
        raise SealBroken(f"The {file.form} file's digest was not recorded by this platform.", form=file.form)


def _missing(file: StoredFile) -> ArtifactMissing:
    return ArtifactMissing(f"The {file.form} file is missing from the model store.", form=file.form)


def sweep(older_than_seconds: float = 24 * 3600) -> int:
    """Remove uploads that never became a version; returns how many."""
    limit, removed = time.time() - older_than_seconds, 0
    for path in Path(settings.STAGING_DIR).iterdir():
        if path.stat().st_mtime < limit:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            removed += 1
    return removed
