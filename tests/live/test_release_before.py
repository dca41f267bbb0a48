"""Old code on a new schema: what serves while a release rolls.

This code on the schema of a release after it, which is made up here and keeps the rules; and the code of the release
before on the schema of this one, where there is such a release.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from deploy import lint_migrations
from tests import toys
from tests.live.load import Load
from tests.live.stack import ROOT, Stack, wait_until

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.django_db(databases=[])]


def git(*arguments: str) -> bytes:
    """What git prints; the test is skipped where there is no history to ask."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"no history here: {done.stderr.decode().strip()}")
    return done.stdout


def release_before() -> str:
    """PREVIOUS_RELEASE, or the commit before the newest migrations, unless nobody served on the schema before those."""
    if "PREVIOUS_RELEASE" in os.environ:
        return os.environ["PREVIOUS_RELEASE"]
    log = git("log", "-1", "--format=%H", "--name-only", "--diff-filter=A", "--", "*/migrations/0*.py")
    newest, *added = log.decode().split() or [""]
    names = {f"{path.parts[0]}.{path.stem}" for path in map(Path, added)}
    waived = names & tomllib.loads(lint_migrations.WAIVED.read_text()).keys()
    if not newest or waived:
        pytest.skip(f"there is no release before: {', '.join(sorted(waived)) or 'no commit here brought a migration'}")
    return f"{newest}~1"


@pytest.fixture
def code_before(tmp_path: Path) -> Path:
    """A directory with that code."""
    archive = git("archive", "--format=tar", release_before())
    directory = tmp_path / "before"
    directory.mkdir()
    subprocess.run(["tar", "-x", "-C", directory], input=archive, check=True)
    return directory


def test_the_code_before_serves_uploads_and_activates_on_this_schema(
    code_before: Path, stack: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = stack(workers=1)
    upload(running, 1)
    for name in ("server", "jobs"):
        assert running.stop(name) == 0
    applied = running.query("SELECT app, name FROM django_migrations ORDER BY id")

    monkeypatch.setattr("tests.live.stack.ROOT", code_before)
    running.environment["PYTHONPATH"] = str(code_before)
    running.start("jobs", "runjobs")
    running.start_server()
    assert predict(running) == [1007.0], "what this release made live, the one before serves"
    upload(running, 2)
    assert predict(running) == [2007.0]
    for name in ("server", "jobs"):
        assert running.stop(name) == 0, running.log(name)

    monkeypatch.setattr("tests.live.stack.ROOT", ROOT)
    running.environment["PYTHONPATH"] = str(ROOT)
    running.start_server()
    assert predict(running) == [2007.0], "and what the one before made live, this one serves"
    running.stop("server")
    assert running.query("SELECT COUNT(*) FROM monitoring_predictionlog") == [(3,)]
    assert running.query("SELECT app, name FROM django_migrations ORDER BY id") == applied


def upload(running: Stack, number: int) -> None:
    status, body = running.upload("oracle", toys.oracle(1000.0 * number), task="regression")
    assert status == 201, (body, running.log("jobs"))
    assert running.call("POST", f"/api/v1/models/oracle/versions/{number}/activate", {})[0] == 200


def predict(running: Stack) -> Any:
    status, _, body = running.call("POST", "/api/v1/predict/oracle", {"instances": [[7.0, 0.0]]})
    assert status == 200, body
    return body["predictions"]


# -- This code, on the schema of a release after it ---------------------------------------------------

# What the rules of CONTRIBUTING.md allow, on the tables that are in use: columns that may be empty or that the database
# fills, a table, a constraint that all rows satisfy, and an index that is built while the table is written to.
EXPANDING = {
    "registry": """
        migrations.AddField("modelversion", "next_text", models.TextField(db_default="")),
        migrations.AddField("registeredmodel", "next_number", models.IntegerField(null=True)),
    """,
    "accounts": """
        migrations.AddField("apikey", "next_time", models.DateTimeField(null=True)),
        migrations.AddField("user", "next_flag", models.BooleanField(db_default=False)),
    """,
    "monitoring": """
        migrations.AddField("predictionlog", "next_number", models.FloatField(null=True)),
        migrations.CreateModel("NextThing", [("id", models.BigAutoField(primary_key=True))]),
    """,
}
MIGRATION = """
from django.db import migrations, models
from accounts.indexes import BuildIndex

class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = [("{app}", "{last}")]
    operations = [{operations}]
"""
BUILT = 'BuildIndex("modelversion", models.Index(fields=["next_text"], name="next_text"))'
COPIED = (*lint_migrations.APPS, "deploy", "templates", "static", "manage.py", "pyproject.toml")


@pytest.fixture
def code_after(tmp_path: Path) -> Path:
    """A directory with this code and those migrations."""
    directory = tmp_path / "after"
    directory.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, directory / name)
    for app, operations in EXPANDING.items():
        add_migration(directory, app, operations, atomic=True)
    add_migration(directory, "registry", BUILT, atomic=False)
    return directory


def add_migration(directory: Path, app: str, operations: str, *, atomic: bool) -> None:
    folder = directory / app / "migrations"
    last = max(path.stem for path in folder.glob("[0-9]*.py"))
    told = MIGRATION.format(atomic=atomic, app=app, last=last, operations=operations)
    (folder / f"{int(last[:4]) + 1:04d}_after.py").write_text(told)


def test_this_code_goes_on_while_a_release_after_it_changes_the_schema_and_starts(
    code_after: Path, stack: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite a platform stops to migrate")
    running = stack(workers=2)
    upload(running, 1)
    lint = [sys.executable, "-m", "deploy.lint_migrations", running.database_url]
    linted = subprocess.run(lint, cwd=code_after, capture_output=True, text=True, env={**os.environ, "CI": "true"})
    assert linted.returncode == 0, f"the made-up release breaks the rules: {linted.stdout}{linted.stderr}"

    after = Stack(running.directory, workers=1, database_url=running.database_url)
    after.environment |= {"PYTHONPATH": str(code_after)}
    after.key = running.key
    beside: list[Any] = []

    def predict_beside() -> Any:
        beside.append(predict(after))
        return beside[-1]

    with Load(running, threads=2, pause=0.02) as load:
        wait_until(lambda: len(load.exchanges) > 20, 60, lambda: running.log("server"))
        with monkeypatch.context() as patch:
            patch.setattr("tests.live.stack.ROOT", code_after)
            told = after.manage("migrate")
        assert told.count("_after... OK") == len(EXPANDING) + 1, told
        asked_before = len(load.exchanges)
        wait_until(lambda: len(load.exchanges) > asked_before + 20, 60, lambda: running.log("server"))
        upload(running, 2)
        running.manage("createapikey", "root@example.org", "--name", "late", "--scope", "predict")
        with monkeypatch.context() as patch:
            patch.setattr("tests.live.stack.ROOT", code_after)
            after.start("after", "serve", "--workers", "1", "--bind", f"127.0.0.1:{after.port}")
            wait_until(after.is_ready, 60, lambda: after.log("after"))
        try:
            assert predict_beside() == [2007.0], "both serve side by side"
            upload(running, 3)
            wait_until(lambda: predict_beside() == [3007.0], 30, lambda: after.log("after"))
        finally:
            assert after.stop("after") == 0, after.log("after")
        running.stop("jobs")
        running.start("jobs", "runjobs")
        upload(running, 4)
    assert load.broken == []
    assert {exchange.status for exchange in load.exchanges} == {200}
    for name in ("server", "jobs"):
        assert running.stop(name) == 0, running.log(name)
    assert running.query("SELECT COUNT(*) FROM monitoring_predictionlog") == [(len(load.exchanges) + len(beside),)]
