"""What a database raises is taken for what it is, everywhere."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.db import DatabaseError, InterfaceError, OperationalError

from accounts import database

ROOT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "registry", "monitoring", "inference", "solutions", "mlplatform")


def caught(source: str) -> Iterator[tuple[int, set[str]]]:
    """The line and the names of every `except`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            yield node.lineno, {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)}


def test_a_connection_closed_under_us_is_a_failure_and_no_error_of_the_database() -> None:
    assert not issubclass(InterfaceError, DatabaseError)
    for kind in (DatabaseError, OperationalError, InterfaceError):
        assert issubclass(kind, database.Failure)
    assert issubclass(InterfaceError, database.AWAY)
    assert issubclass(OperationalError, database.AWAY)
    assert not issubclass(DatabaseError, database.AWAY)


def test_nobody_takes_half_of_what_a_database_raises_for_all_of_it() -> None:
    planted = "try: pass\nexcept (ValueError, DatabaseError): pass"
    assert list(caught(planted)) == [(2, {"ValueError", "DatabaseError"})]
    halves = [
        f"{path.relative_to(ROOT)}:{line}"
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        for line, names in caught(path.read_text())
        if "DatabaseError" in names
    ]
    assert halves == [], "database.Failure is all of it"
