"""Making a backup of a running installation.

The order makes it consistent: first the spool, then a snapshot of the database, then the files that the snapshot names,
which never change. A record that was written down before the beginning is in the spool's copy or in the database, or in
both, and is loaded once.
"""

import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO

from django.apps import apps
from django.db import connection
from django.utils import timezone

from mlplatform.backup import archive, databases, secrets
from mlplatform.backup.archive import PIECE, Progress, Writer
from mlplatform.backup.errors import BackupFailed
from monitoring.spool import carrying
from registry import artifacts, seals
from registry.errors import DigestMismatch, RegistryError
from registry.seals import StoredFile

_FILES = (
    "SELECT {path}, {digest}, {seal}, model_id, number FROM registry_modelversion"
    " WHERE {path} <> '' ORDER BY id"
)  # fmt: skip
_COLUMNS = {
    seals.ORIGINAL: ("artifact", "sha256", "artifact_seal"),
    seals.COMPILED: ("compiled", "compiled_sha256", "compiled_seal"),
    seals.EXPLAINER: ("explainer", "explainer_sha256", "explainer_seal"),
}


def make(path: Path, *, progress: Progress, with_artifacts: bool = True, skip_damaged: bool = False) -> dict[str, Any]:
    """Write a backup to `path`, whole or not at all, and return its manifest.

    Raises BackupFailed, also when a model file is damaged, unless `skip_damaged`: then the manifest's `left_out` names
    it; StorageUnavailable; OSError when the disk is full.
    """
    began, started = timezone.now(), time.monotonic()
    with archive.writing(path) as writer:
        spooled = _spool(writer)
        with databases.snapshot(progress) as taken:
            manifest: dict[str, Any] = {
                "created_at": began.isoformat(),
                "platform": _version(),
                "vendor": connection.vendor,
                "secrets": secrets.prints(),
                "spool": spooled,
                "migrations": [f"{app}.{name}" for app, name in taken.query("SELECT app, name FROM django_migrations")],
                "counts": counts(taken.query),
            }
            files = _files(taken.query)
            writer.add(databases.MEMBERS[connection.vendor], taken.pieces, packed=taken.is_packed)
        left_out = _artifacts(writer, files, skip_damaged, progress) if with_artifacts else []
        manifest |= {
            "artifacts": with_artifacts,
            "files": [{"path": file.path, "sha256": file.sha256} for file in files if with_artifacts],
            "left_out": left_out,
            "seconds": round(time.monotonic() - started, 1),
        }
        writer.finish(manifest)
    return manifest


def counts(query: databases.Query) -> dict[str, int]:
    """Rows of each table of ours."""
    tables = sorted({model._meta.db_table for model in apps.get_models() if model._meta.managed})
    return {table: int(query(f'SELECT count(*) FROM "{table}"')[0][0]) for table in tables}  # noqa: S608


def _spool(writer: Writer) -> list[dict[str, Any]]:
    told = []
    for number, (host, name, opened) in enumerate(carrying.waiting()):
        with opened:
            member = f"spool/{number}"
            writer.add(member, _read(opened), packed=True)
            told.append({"host": host, "name": name, "member": member})
    return told


def _read(opened: BinaryIO) -> Iterator[bytes]:
    while piece := opened.read(PIECE):
        yield piece


def _files(query: databases.Query) -> list[StoredFile]:
    """What the snapshot says of stored files."""
    return [
        StoredFile(str(path), str(digest), str(seal), int(model), int(number), form)
        for form, (path, digest, seal) in _COLUMNS.items()
        for path, digest, seal, model, number in query(_FILES.format(path=path, digest=digest, seal=seal))
    ]


def _artifacts(writer: Writer, files: list[StoredFile], skip_damaged: bool, progress: Progress) -> list[dict[str, str]]:
    left_out, done = [], set[str]()
    for index, file in enumerate(files, start=1):
        if file.sha256 not in done:
            try:
                with artifacts.open_verified(file) as opened:
                    writer.add(f"artifacts/{file.sha256}", _read(opened))
                done.add(file.sha256)
            except DigestMismatch as error:
                if not skip_damaged:
                    raise BackupFailed(f"{file.path}: {error.message} --skip-damaged leaves it out.") from error
                left_out.append({"path": file.path, "code": error.code})
            except RegistryError as error:
                raise BackupFailed(f"{file.path}: {error.message}") from error
        progress("copying model files", index, len(files))
    return left_out


def _version() -> str:
    try:
        return version("mlplatform")
    except PackageNotFoundError:
        return ""
