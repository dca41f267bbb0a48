"""A database is migrated once in a run: those that tests use begin as copies of it.

On SQLite it is a file below KEPT_DIR; on PostgreSQL a database, named by MIGRATED_DATABASE, that is dropped when the
run ends.
"""

import atexit
import contextlib
import os
import shutil
import subprocess
import sys
import urllib.parse
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.kept import once

ROOT = Path(__file__).resolve().parents[1]


def begin() -> None:
    """Name the run's database on PostgreSQL. The process that does so first, which starts the others, drops it."""
    if "MIGRATED_DATABASE" not in os.environ:
        os.environ["MIGRATED_DATABASE"] = f"mlplatform_migrated_{uuid.uuid4().hex[:8]}"
        atexit.register(_drop)


def copy_file_to(file: Path) -> None:
    """Put a migrated database of SQLite there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(once("migrated file", _migrated_file), file)


def database_url() -> str:
    """Of the migrated database on the PostgreSQL server that the tests use: a template, for nobody to connect to."""
    return once(f"migrated {os.environ['MIGRATED_DATABASE']}", _migrated_database)


def _migrated_file() -> Path:
    file = Path(os.environ["KEPT_DIR"]) / "migrated" / "db.sqlite3"
    _migrate(f"sqlite:///{file}", file.parent)
    return file


def _migrated_database() -> str:
    name = os.environ["MIGRATED_DATABASE"]
    with _server() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    url = urllib.parse.urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    _migrate(url, Path(os.environ["KEPT_DIR"]) / name)
    return url


def _migrate(url: str, var_dir: Path) -> None:
    """By a process as an operator would."""
    var_dir.mkdir(exist_ok=True)
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v", "0"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "VAR_DIR": str(var_dir)},
        check=True,
        timeout=500,
    )


@contextlib.contextmanager
def _server() -> Iterator[Any]:
    with contextlib.closing(psycopg2.connect(os.environ["DATABASE_URL"])) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def _drop() -> None:
    if os.environ.get("DATABASE_URL", "").startswith("postgres"):
        with contextlib.suppress(psycopg2.OperationalError), _server() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {os.environ['MIGRATED_DATABASE']} WITH (FORCE)")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """The process's test database is a copy, too; Django's `migrate` then finds nothing left to do."""
    from django.db import connection

    if connection.vendor == "postgresql":
        connection.settings_dict["TEST"]["TEMPLATE"] = urllib.parse.urlsplit(database_url()).path.removeprefix("/")
        return
    creation: Any = connection.creation
    creating = creation._create_test_db

    def create(verbosity: int, autoclobber: bool, keepdb: bool = False) -> str:
        name: str = creating(verbosity, autoclobber, keepdb)
        copy_file_to(Path(name))
        return name

    creation._create_test_db = create
