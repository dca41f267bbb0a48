"""Bundles: a model with versions in one file, to be carried from one installation to another.

A zip without compression: `manifest.json` first, then the files it names with their digests. Nothing is unpacked:
members are streamed into the store like any upload, so no path of a bundle ever becomes a path on disk. What is
imported is validated afresh, and must answer its golden rows as it did where it came from.
"""

import hashlib
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.utils import timezone

from accounts import json_text
from accounts.errors import AccountsError
from registry import artifacts, recording
from registry.errors import BundleInvalid
from registry.models import ModelVersion, RegisteredModel
from registry.serving import LOWEST_AND_HIGHEST

FORMAT = 1
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 64 << 20
MAX_VERSIONS = 1000
SETTINGS = ("max_batch_rows", *recording.NAMES, "load_policy", *LOWEST_AND_HIGHEST, "fallback")
MODEL_FIELDS = ("name", "task", "handler", "description", "tags", *SETTINGS)
VERSION_FIELDS = (
    "number", "format", "original_name", "sha256", "size_bytes", "sample", "expected", "tags", "notes", "metrics",
    "runtime", "signature", "golden", "parity", "library_versions",
)  # fmt: skip
_MEMBER = re.compile(r"versions/[1-9][0-9]{0,8}/(original|compiled|explainer)\.[a-z0-9]{1,12}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)

Progress = Callable[[int, int], None]


def write(path: Path, model: RegisteredModel, versions: list[ModelVersion], *, progress: Progress) -> str:
    """Write a bundle, whole or not at all; its SHA-256. Raises DigestMismatch when a stored file is damaged."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    members = [_members(version) for version in versions]
    total = sum(artifacts.size_of(file) for files in members for file in files.values())
    done = 0
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED, allowZip64=True) as bundle:
            bundle.writestr(MANIFEST, json.dumps(_manifest(model, versions, members), indent=1))
            for files in members:
                for name, file in files.items():
                    with artifacts.open_verified(file) as source, bundle.open(name, "w", force_zip64=True) as target:
                        shutil.copyfileobj(source, target, 1 << 20)
                        done += source.tell()
                        progress(done, total)
        with draft.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return digest


def _members(version: ModelVersion) -> dict[str, Any]:
    return {f"versions/{version.number}/{file.form}{Path(file.path).suffix}": file for file in version.stored_files()}


def _manifest(model: RegisteredModel, versions: list[ModelVersion], members: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "bundle": FORMAT,
        "created_at": timezone.now().isoformat(),
        "model": {name: getattr(model, name) for name in MODEL_FIELDS},
        "versions": [
            {
                **{name: getattr(version, name) for name in VERSION_FIELDS},
                "created_at": version.created_at.isoformat(),
                "files": {file.form: {"member": name, "sha256": file.sha256} for name, file in files.items()},
            }
            for version, files in zip(versions, members, strict=True)
        ],
    }


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that is open for reading."""

    sha256: str
    model: dict[str, Any]
    versions: list[dict[str, Any]]
    archive: zipfile.ZipFile

    @contextmanager
    def original(self, version: dict[str, Any]) -> Iterator[tuple[BinaryIO, int]]:
        """The uploaded file of a version, and its size. Raises BundleInvalid when the archive is damaged."""
        name = version["files"]["original"]["member"]
        try:
            with self.archive.open(name) as opened:
                yield cast(BinaryIO, opened), self.archive.getinfo(name).file_size
        except (zipfile.BadZipFile, EOFError) as error:
            raise _invalid(f"{name} is damaged.") from error


@contextmanager
def read(path: Path, *, sha256: str = "") -> Iterator[Bundle]:
    """Open a bundle and judge it. Raises BundleInvalid when it is none, or isn't the one with that `sha256`."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 and sha256.lower() != digest:
            raise BundleInvalid("The bundle's SHA-256 isn't the one given.", code="digest_mismatch")
        file.seek(0)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
            raise _invalid("the file is no zip archive.") from error
        with archive:
            manifest = _read_manifest(archive)
            _check_members(archive, manifest)
            yield Bundle(digest, manifest["model"], manifest["versions"], archive)


def _read_manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        if archive.getinfo(MANIFEST).file_size > MAX_MANIFEST_BYTES:
            raise _invalid("its manifest is too large.")
        with archive.open(MANIFEST) as opened:
            manifest = json_text.loads(opened.read(MAX_MANIFEST_BYTES + 1))
    except (KeyError, zipfile.BadZipFile, EOFError, RuntimeError, AccountsError) as error:
        raise _invalid("its manifest can't be read.") from error
    if not isinstance(manifest, dict) or manifest.get("bundle") != FORMAT:
        raise _invalid(f"its manifest isn't of format {FORMAT}.")
    model, versions = manifest.get("model"), manifest.get("versions")
    if not isinstance(model, dict) or not isinstance(model.get("name"), str):
        raise _invalid("its manifest names no model.")
    if not isinstance(versions, list) or not 0 < len(versions) <= MAX_VERSIONS:
        raise _invalid(f"its manifest names no versions, or more than {MAX_VERSIONS}.")
    return manifest


def _check_members(archive: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
    """Exactly the members the manifest names are there, each once, under names we make, not encrypted, not packed."""
    named = {MANIFEST}
    for version in manifest["versions"]:
        files = version.get("files") if isinstance(version, dict) else None
        if not isinstance(files, dict) or "original" not in files or type(version.get("number")) is not int:
            raise _invalid("a version has no number or no file.")
        for file in files.values():
            member, digest = (file.get("member"), file.get("sha256")) if isinstance(file, dict) else (None, None)
            if not _MEMBER.fullmatch(str(member)) or not _SHA256.fullmatch(str(digest)) or member in named:
                raise _invalid("a version names a file that can't be one.")
            named.add(str(member))
    infos = archive.infolist()
    if len(infos) != len(named) or {info.filename for info in infos} != named:
        raise _invalid("its files aren't those that its manifest names.")
    if any(info.flag_bits & 0x1 or info.compress_type != zipfile.ZIP_STORED for info in infos):
        raise _invalid("a file in it is encrypted or packed.")


def _invalid(reason: str) -> BundleInvalid:
    return BundleInvalid(f"This is no bundle that can be imported: {reason}")
