"""Making an installation of a backup.

Everything that may fail is done before the database is replaced: the archive is read through, and the model files are
laid beside their places or brought to the bucket.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models import F

from accounts import audit, database
from inference import golden, model_cache
from inference.models import CacheEpoch
from mlplatform.backup import archive, databases, making, secrets
from mlplatform.backup.archive import Archive, Progress
from mlplatform.backup.errors import BackupFailed
from monitoring import processes, spool
from monitoring.spool import carrying
from registry import artifacts, generation, resolver, shared_store
from registry.errors import RegistryError

_PLACE = re.compile(r"[0-9]{1,19}/[A-Za-z0-9][A-Za-z0-9._-]*/v[0-9]{1,9}/[A-Za-z0-9_]+\.[A-Za-z0-9_]+", re.ASCII)
_TELLING = ("accounts_user", "registry_registeredmodel", "monitoring_predictionlog")
"""Where these have no rows nobody has worked yet."""


@dataclass(slots=True)
class Restored:
    """What came back. `problems`: live models that don't answer as they did, and files that were left out."""

    counts: dict[str, int]
    files: int
    spooled_records: int
    live_models: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


def restore(path: Path, *, progress: Progress, replace: bool = False, other_secrets: bool = False) -> Restored:
    """Make this installation, which must be empty unless `replace`, the one that the backup at `path` was made of.

    Raises BackupFailed with nothing changed: a damaged archive, other secrets (unless `other_secrets`), a newer
    platform, another kind of database, processes that still serve.
    """
    started = time.monotonic()
    with archive.reading(path) as opened:
        manifest = opened.manifest
        _require_fitting(manifest, other_secrets=other_secrets)
        _require_target(replace=replace)
        opened.verify(progress)
        with _laid_out(opened, progress) as places:
            _replace_database(opened, progress)
            for draft, place in places:
                place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                os.replace(draft, place)
        found = making.counts(_query)
        if found != manifest["counts"]:
            wrong = [table for table, count in manifest["counts"].items() if found.get(table) != count]
            raise BackupFailed(f"After restoring, these tables don't hold what they did: {', '.join(wrong)}.")
        call_command("migrate", verbosity=0, interactive=False)
        restored = Restored(found, len(manifest["files"]), _bring_spool(opened))
    _begin_anew(manifest)
    _prove(restored, manifest, progress)
    restored.seconds = round(time.monotonic() - started, 1)
    return restored


def _require_fitting(manifest: dict[str, Any], *, other_secrets: bool) -> None:
    if manifest["vendor"] != connection.vendor:
        raise BackupFailed(f"The backup is of {manifest['vendor']}, and DATABASE_URL names {connection.vendor}.")
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    ours = {name.partition(".")[0] for name in known}
    unknown = [name for name in manifest["migrations"] if name.partition(".")[0] in ours and name not in known]
    if unknown:
        named = ", ".join(sorted(unknown)[:5])
        raise BackupFailed(f"The backup was made by a newer platform: {named} isn't known here.")
    lost = [name for name in secrets.differing(manifest["secrets"]) if name in secrets.NEEDED]
    if lost and not other_secrets:
        told = "; ".join(f"{name} ({secrets.NEEDED[name]})" for name in lost)
        raise BackupFailed(f"These secrets are not those of the backup: {told}. --other-secrets restores all the same.")


def _require_target(*, replace: bool) -> None:
    beats = 5 * settings.HEARTBEAT_SECONDS
    if databases.is_there("monitoring_servingprocess") and processes.live(beats).exists():
        raise BackupFailed("Processes serve from this database: stop `serve` and `runjobs` first.")
    if replace:
        return
    held = [table for table in _TELLING if databases.is_there(table) and _query(f'SELECT 1 FROM "{table}" LIMIT 1')]  # noqa: S608
    if held or (not shared_store.is_used() and _holds_files(Path(settings.MODELS_DIR))):
        what = ", ".join(held) or str(settings.MODELS_DIR)
        raise BackupFailed(f"This installation is not empty ({what}). --replace deletes what is in its database.")


def _holds_files(folder: Path) -> bool:
    """Whether model files lie there; uploads on their way, and what a restore that was cut short left, are none."""
    return any(not path.name.startswith(".") for path in folder.iterdir())


@contextmanager
def _laid_out(opened: Archive, progress: Progress) -> Iterator[list[tuple[Path, Path]]]:
    """The model files beside their places, as pairs of both, while the body runs; or in the bucket."""
    folder = Path(settings.MODELS_DIR) / ".restoring"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield list(_lay_out(opened, folder, progress))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lay_out(opened: Archive, folder: Path, progress: Progress) -> Iterator[tuple[Path, Path]]:
    listed, shared = opened.manifest["files"], set[str]()
    left_out = {file["path"] for file in opened.manifest["left_out"]}
    for index, file in enumerate(listed):
        draft, sha256 = folder / str(index), file["sha256"]
        if file["path"] in left_out or sha256 in shared:
            continue
        if not _PLACE.fullmatch(file["path"]):
            raise BackupFailed(f"The backup names a place for a file that can't be one: {file['path']!r}.")
        opened.extract(f"artifacts/{sha256}", draft)
        if shared_store.is_used():
            _share(draft, sha256)
            shared.add(sha256)
        else:
            yield draft, artifacts.path_of(file["path"])
        progress("putting model files back", index + 1, len(listed))


def _share(draft: Path, sha256: str) -> None:
    try:
        shared_store.put(draft, sha256)
    except RegistryError as error:
        raise BackupFailed(error.message) from error
    draft.unlink()


def _replace_database(opened: Archive, progress: Progress) -> None:
    dump = Path(settings.STAGING_DIR) / f"restore-{os.getpid()}"
    try:
        opened.extract(databases.MEMBERS[connection.vendor], dump)
        progress("putting the database back", 0, 0)
        databases.put_back(dump)
    finally:
        dump.unlink(missing_ok=True)


def _query(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _bring_spool(opened: Archive) -> int:
    """Load the records that waited; how many were new to the database."""
    for file in opened.manifest["spool"]:
        carrying.bring(host=file["host"], name=file["name"], pieces=opened.pieces(file["member"]))
    carrying.forget_checkpoints()
    return spool.take_over()


def _begin_anew(manifest: dict[str, Any]) -> None:
    """Nothing that others remember of the installation (in Redis, in a process) may be taken for this one's."""
    with transaction.atomic():
        CacheEpoch.objects.get_or_create(pk=1)
        CacheEpoch.objects.filter(pk=1).update(value=F("value") + int(time.time()))
        generation.bump()
        audit.record("platform.restored", by=None, details={"of": manifest["created_at"]})
    resolver.forget()


def _prove(restored: Restored, manifest: dict[str, Any], progress: Progress) -> None:
    """Load what is live and ask it its golden questions."""
    restored.problems += [f"{file['path']} was not in the backup ({file['code']})" for file in manifest["left_out"]]
    live = resolver.live()
    restored.live_models = len(live)
    for index, served in enumerate(live, start=1):
        try:
            golden.check(model_cache.load(served))
        except database.Failure:
            raise
        except Exception as error:
            restored.problems.append(f"{served.model_name}:{served.number}: {error}")
        progress("asking live models their golden questions", index, len(live))
