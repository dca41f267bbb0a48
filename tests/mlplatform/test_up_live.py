"""The one command for real: a first run, a prediction, a stop, and a second run that keeps everything."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.conf import settings
from django.db import connection

pytestmark = [pytest.mark.live, pytest.mark.once, pytest.mark.timeout(600)]

READY = "Ctrl-C stops everything."


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """An empty database of the kind the tests run on."""
    if connection.vendor != "postgresql":
        yield f"sqlite:///{tmp_path / 'var' / 'db.sqlite3'}"
        return
    facts = connection.settings_dict
    name = f"up_{os.getpid()}"
    address = {
        "host": facts["HOST"],
        "port": facts["PORT"] or 5432,
        "user": facts["USER"],
        "password": facts["PASSWORD"],
    }
    admin = psycopg2.connect(dbname="postgres", **address)
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        yield f"postgres://{address['user']}:{address['password']}@{address['host']}:{address['port']}/{name}"
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    admin.close()


@pytest.fixture
def environment(tmp_path: Path, database_url: str) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {**os.environ, "VAR_DIR": str(tmp_path / "var"), "DATABASE_URL": database_url, "PORT": str(port)}


class Up:
    """`manage.py up` in a session of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> "Up":
        return self

    def __exit__(self, *args: Any) -> None:
        self.stop()

    def wait_until_ready(self) -> str:
        """What it printed until it was ready. The test's time limit ends the waiting."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if READY in line:
                return "".join(self.lines)
        pytest.fail("it ended before it was ready:\n" + "".join(self.lines))

    def stop(self) -> int:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
            self.process.communicate()
        return self.process.returncode


def facts(environment: dict[str, str]) -> dict[str, str]:
    lines = (Path(environment["VAR_DIR"]) / "demo.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def example_body(printed: str) -> bytes:
    """The body of the curl it printed."""
    return printed.split("-d '")[1].split("'")[0].encode()


def ask(known: dict[str, str], body: bytes) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{known['URL']}/api/v1/predict/breast-cancer",
        data=body,
        headers={"X-API-Key": known["API_KEY"], "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def processes_of(var_dir: str) -> list[int]:
    """Every process that was given this VAR_DIR and still runs."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"VAR_DIR={var_dir}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.fixture
def begun(environment: dict[str, str]) -> None:
    """The database is there, and all names of the demo but one belong to models of somebody's own."""
    for arguments in (("migrate", "-v", "0"), ("shell", "-v", "0", "-c", TAKEN)):
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=settings.BASE_DIR, env=environment, check=True)


TAKEN = """
from accounts.models import User
from mlplatform.demo import publishing
from registry.models import RegisteredModel
somebody = User.objects.create_user("somebody@example.org", "correct horse battery")
for name in publishing.every_name():
    if name != "breast-cancer":
        RegisteredModel.objects.create(name=name, owner=somebody)
"""


def test_what_is_missing_of_the_demo_is_published_and_a_second_run_keeps_it(
    environment: dict[str, str], begun: None
) -> None:
    run_twice(environment)


@pytest.mark.slow
def test_a_first_run_serves_the_whole_demo_and_a_second_one_keeps_it(environment: dict[str, str]) -> None:
    assert "migrations" in run_twice(environment)


def run_twice(environment: dict[str, str]) -> str:
    """What the first run printed."""
    with Up(environment) as up:
        first = up.wait_until_ready()
        known = facts(environment)
        answer = ask(known, example_body(first))
        assert up.stop() == 0
    assert processes_of(environment["VAR_DIR"]) == []

    assert all(value in first for value in known.values())
    assert answer["model"] == "breast-cancer"
    assert answer["version"] == 1
    assert answer["predictions"][0] in {"benign", "malignant"}
    assert sum(answer["probabilities"][0]) == pytest.approx(1.0, abs=1e-4)

    with Up(environment) as up:
        second = up.wait_until_ready()
        assert facts(environment) == known
        assert ask(known, example_body(second))["version"] == 1
        assert up.stop() == 0
    assert "uploaded" in first
    assert "uploaded" not in second
    assert "migrations" not in second
    assert processes_of(environment["VAR_DIR"]) == []
    return first
