"""A database as one file that is consistent in itself, and back: each kind by its own tools."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from django.conf import settings
from django.db import connection
from django.db.backends.sqlite3._functions import register as register_functions

from mlplatform.backup.archive import PIECE, Progress
from mlplatform.backup.errors import BackupFailed

SQLITE, POSTGRESQL = "sqlite", "postgresql"
MEMBERS = {SQLITE: "database.sqlite3", POSTGRESQL: "database.pgdump"}
Query = Callable[[str], list[tuple[Any, ...]]]
_PAGES = 2048
_OF_LIBPQ = {
    "dbname": "PGDATABASE", "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD",
    "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The database as it was at one moment: its dump, in pieces, and questions to it."""

    pieces: Iterator[bytes]
    query: Query
    is_packed: bool


@contextmanager
def snapshot(progress: Progress) -> Iterator[Snapshot]:
    """What is in the database now, while others go on writing. Raises BackupFailed."""
    with (_sqlite_snapshot if connection.vendor == SQLITE else _postgresql_snapshot)(progress) as found:
        yield found


def is_there(table: str) -> bool:
    """Whether this installation's database has that table."""
    return table in connection.introspection.table_names()


def put_back(dump: Path) -> None:
    """Make the database what the dump is, and nothing besides. Raises BackupFailed."""
    connection.close()
    (_sqlite_restore if connection.vendor == SQLITE else _postgresql_restore)(dump)


def path_of_sqlite() -> Path:
    return Path(str(connection.settings_dict["NAME"]))


# -- SQLite -------------------------------------------------------------------------------------------


@contextmanager
def _sqlite_snapshot(progress: Progress) -> Iterator[Snapshot]:
    """Copied page by page inside one reading transaction, which in WAL mode holds nobody up."""
    copy = Path(settings.STAGING_DIR) / f"backup-{os.getpid()}.sqlite3"
    try:
        with closing(_opened(path_of_sqlite())) as source, closing(_opened(copy)) as target:
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(
                target,
                pages=_PAGES,
                progress=lambda status, left, pages: progress("copying the database", pages - left, pages),
            )
        with closing(_opened(copy)) as target:
            target.execute("PRAGMA journal_mode=DELETE")
            yield Snapshot(_file(copy, progress), lambda sql: target.execute(sql).fetchall(), is_packed=True)
    except sqlite3.Error as error:
        raise BackupFailed(f"The database can't be copied: {error}.") from error
    finally:
        copy.unlink(missing_ok=True)


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=30, isolation_level=None)


def _file(path: Path, progress: Progress) -> Iterator[bytes]:
    total, done = path.stat().st_size, 0
    with path.open("rb") as opened:
        while piece := opened.read(PIECE):
            done += len(piece)
            yield piece
            progress("packing the database", done, total)


def _sqlite_restore(dump: Path) -> None:
    try:
        with closing(_opened(dump)) as copy:
            register_functions(copy)  # the check asks the tables' constraints, which use Django's functions
            said = copy.execute("PRAGMA quick_check").fetchone()[0]
            if said != "ok":
                raise BackupFailed(f"The backup's database is damaged: {said}.")
            copy.execute("PRAGMA journal_mode=WAL")
        target = path_of_sqlite()
        if target.exists():
            with closing(_opened(target)) as old:
                old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for suffix in ("-wal", "-shm"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Perhaps another disk: the last step must be a rename.
        beside = target.with_name(f".{target.name}.restored")
        shutil.copyfile(dump, beside)
        os.replace(beside, target)
    except sqlite3.Error as error:
        raise BackupFailed(f"The database can't be put back: {error}.") from error


# -- PostgreSQL ---------------------------------------------------------------------------------------


@contextmanager
def _postgresql_snapshot(progress: Progress) -> Iterator[Snapshot]:
    """One exported snapshot, which both pg_dump and our own questions see."""
    with closing(_connected()) as session:
        session.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with session.cursor() as cursor:

            def query(sql: str) -> list[tuple[Any, ...]]:
                cursor.execute(sql)
                return list(cursor.fetchall())

            [(name,)] = query("SELECT pg_export_snapshot()")
            yield Snapshot(_dumped(str(name), progress), query, is_packed=False)


def _dumped(snapshot: str, progress: Progress) -> Iterator[bytes]:
    line = [_tool("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    done = 0
    with subprocess.Popen(  # noqa: S603 (our own line)
        line, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while piece := process.stdout.read(PIECE):
            done += len(piece)
            yield piece
            progress("dumping the database", done, 0)
        said = process.stderr.read().decode(errors="replace")
    if process.returncode:
        raise BackupFailed(f"pg_dump failed: {_last_line(said)}")


def _postgresql_restore(dump: Path) -> None:
    _drop_everything()
    line = [_tool("pg_restore"), "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    database = _environment()["PGDATABASE"]
    done = subprocess.run(  # noqa: S603 (our own line)
        [*line, f"--dbname={database}", str(dump)], env=_environment(), capture_output=True, text=True
    )
    if done.returncode:
        raise BackupFailed(f"pg_restore failed: {_last_line(done.stderr)}")


def _drop_everything() -> None:
    """Tables and functions of the present schema, in one transaction; what extensions brought stays."""
    with closing(_connected()) as session, session, session.cursor() as cursor:
        cursor.execute(
            "SELECT format('DROP TABLE IF EXISTS %I.%I CASCADE', schemaname, tablename)"
            " FROM pg_tables WHERE schemaname = current_schema()"
            " UNION ALL SELECT format('DROP FUNCTION IF EXISTS %s CASCADE', p.oid::regprocedure) FROM pg_proc p"
            " WHERE p.pronamespace = current_schema()::regnamespace AND NOT EXISTS"
            " (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
        )
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)


def _connected() -> Any:
    """A session of our own, without the limits of those that serve."""
    try:
        return psycopg2.connect(**_parameters())
    except psycopg2.Error as error:
        raise BackupFailed(f"The database doesn't answer: {_last_line(str(error))}") from error


def _parameters() -> dict[str, Any]:
    known = connection.get_connection_params()
    return {name: known[name] for name in _OF_LIBPQ if known.get(name)}


def _environment() -> dict[str, str]:
    """For PostgreSQL's tools: a password among arguments could be read by everybody on the host."""
    given = {_OF_LIBPQ[name]: str(value) for name, value in _parameters().items()}
    return {**os.environ, **given}


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BackupFailed(f"{name} is missing: install PostgreSQL's client tools, of the server's version or newer.")
    return found


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line]
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "it said nothing")
