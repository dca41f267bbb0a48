"""The file: a zip whose manifest names every member with its digest.

Members are named by us, so that no name in an archive becomes a path: the manifest says what belongs where.
"""

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mlplatform.backup.errors import BackupFailed

FORMAT = 1
MANIFEST = "manifest.json"
PIECE = 1 << 20
_EXPECTED = {"members", "vendor", "secrets", "migrations", "counts", "files", "left_out", "spool", "created_at"}
_MEMBER = re.compile(r"database\.(sqlite3|pgdump)|artifacts/[0-9a-f]{64}|spool/[0-9]{1,9}", re.ASCII)

Progress = Callable[[str, int, int], None]
"""What is being done, and how many bytes of how many; 0 of when that isn't known."""


class Writer:
    """Members go in one after another; each is noted with its digest."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.members: dict[str, dict[str, Any]] = {}

    def add(self, name: str, pieces: Iterable[bytes], *, packed: bool = False) -> str:
        """Write a member; its SHA-256."""
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        digest, size = hashlib.sha256(), 0
        with self._archive.open(info, "w", force_zip64=True) as target:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                target.write(piece)
        self.members[name] = {"sha256": digest.hexdigest(), "bytes": size}
        return digest.hexdigest()

    def finish(self, manifest: dict[str, Any]) -> None:
        """Write the manifest, which completes the archive."""
        body = {"backup": FORMAT, **manifest, "members": self.members}
        self._archive.writestr(MANIFEST, json.dumps(body, indent=1), compress_type=zipfile.ZIP_DEFLATED)


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """A new archive at `path`, whole or not at all, readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with (
            open(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file,
            zipfile.ZipFile(file, "w", allowZip64=True) as archive,
        ):
            yield Writer(archive)
            archive.close()
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that is open for reading."""

    manifest: dict[str, Any]
    _zip: zipfile.ZipFile

    def pieces(self, name: str) -> Iterator[bytes]:
        """A member's bytes. Raises BackupFailed at the end when they aren't those that were written."""
        digest = hashlib.sha256()
        try:
            with self._zip.open(name) as member:
                while piece := member.read(PIECE):
                    digest.update(piece)
                    yield piece
        except (zipfile.BadZipFile, EOFError, OSError, KeyError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
            raise BackupFailed(f"The backup is damaged: {name} can't be read.") from error
        if digest.hexdigest() != self.manifest["members"][name]["sha256"]:
            raise BackupFailed(f"The backup is damaged: {name} was changed.")

    def extract(self, name: str, target: Path) -> None:
        """Write a member to a new file."""
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for piece in self.pieces(name):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())

    def verify(self, progress: Progress) -> None:
        """Read everything through. Raises BackupFailed when the archive isn't exactly what its manifest says."""
        members = self.manifest["members"]
        if {info.filename for info in self._zip.infolist()} != {MANIFEST, *members}:
            raise BackupFailed("The backup is damaged: its members aren't those that its manifest names.")
        total, done = self.total_bytes, 0
        for name in members:
            for piece in self.pieces(name):
                done += len(piece)
                progress("checking the backup", done, total)

    @property
    def total_bytes(self) -> int:
        return sum(member["bytes"] for member in self.manifest["members"].values())


@contextmanager
def reading(path: Path) -> Iterator[Archive]:
    """An archive and its manifest. Raises BackupFailed when it is none."""
    try:
        file: BinaryIO = path.open("rb")
    except OSError as error:
        raise BackupFailed(f"{path} can't be read: {error.strerror}.") from error
    with file:
        try:
            archive = zipfile.ZipFile(file)
            manifest = json.loads(archive.read(MANIFEST))
        except (zipfile.BadZipFile, EOFError, ValueError, KeyError, NotImplementedError) as error:
            raise BackupFailed(f"{path} is no whole backup.") from error
        with archive:
            if not isinstance(manifest, dict) or manifest.get("backup") != FORMAT:
                raise BackupFailed(f"{path} is no backup of format {FORMAT}.")
            if missing := _EXPECTED - manifest.keys():
                raise BackupFailed(f"{path} is no whole backup: its manifest lacks {', '.join(sorted(missing))}.")
            if not all(_MEMBER.fullmatch(name) for name in manifest["members"]):
                raise BackupFailed("The backup is damaged: it names a member that can't be one.")
            yield Archive(manifest, archive)
