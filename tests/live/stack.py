"""The real platform as processes: server, job runner, database. Everything lies below one directory of its own."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2

from tests.live.prepared import ROOT, Prepared

_HELPERS = ("mlp-pages", "mlp-loader")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def bare_environment() -> dict[str, str]:
    """This process's own, without the settings of the test run."""
    ours = ("DATABASE_URL", "REDIS_URL", "RATE_LIMIT_REDIS_URL", "DJANGO_SETTINGS_MODULE")
    return {name: value for name, value in os.environ.items() if name not in ours}


class Client:
    """One keep-alive connection that reconnects when the server closed it."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key
        self._connection: http.client.HTTPConnection | None = None

    def call(
        self, method: str, path: str, body: Any = None, *, timeout: float = 30.0, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """(status, headers, parsed body). Raises OSError or HTTPException when there was no answer."""
        if self._connection is None:
            self._connection = self._connect(timeout)
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        try:
            self._connection.request(
                method, path, content, {"X-API-Key": self._key, "Content-Type": "application/json", **headers}
            )
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        is_json = response.headers.get_content_type() == "application/json"
        return response.status, dict(response.headers), json.loads(text) if is_json else text

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class TlsClient(Client):
    """The same over TLS, with whatever certificate the other side has."""

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        anybody = ssl._create_unverified_context()
        return http.client.HTTPSConnection("localhost", self._port, timeout=timeout, context=anybody)


def upload_form(content: bytes, **fields: str) -> tuple[bytes, str]:
    """A multipart body and its content type."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="model.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    parts += [head.encode(), content, f"\r\n--{boundary}--\r\n".encode()]
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


class Stack:
    """A running platform."""

    def __init__(
        self, directory: Path, *, workers: int, database_url: str = "", settings: dict[str, str] | None = None
    ) -> None:
        """`settings` are environment variables; without them, one host that limits nobody."""
        self.directory, self.workers, self.port = directory, workers, free_port()
        self.database_url = database_url
        self.environment = {
            **bare_environment(),
            "VAR_DIR": str(directory),
            "PORT": str(self.port),
            "PYTHONWARNINGS": "default",
            "LOG_LEVEL": "INFO",
            # The clients of these tests ask for more than people do.
            "RATE_LIMIT_REQUESTS": "0",
            "RATE_LIMIT_KEY_REQUESTS": "0",
            "LAME_DUCK_SECONDS": "0",
            **(settings or {}),
            **({"DATABASE_URL": database_url} if database_url else {}),
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.key = ""

    def manage(self, *arguments: str) -> str:
        """Run a management command to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def begin_as(self, prepared: Prepared) -> None:
        """What was prepared once, with its superuser and her key."""
        prepared.copy_to(self.directory)
        self.key = prepared.key

    def start(self, name: str, *arguments: str) -> None:
        """Start a management command that stays."""
        with (self.directory / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                ends_with_this_process([sys.executable, "manage.py", *arguments]),
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_server(self) -> None:
        self.start("server", "serve", "--workers", str(self.workers), "--bind", f"127.0.0.1:{self.port}")
        wait_until(self.is_ready, 120, lambda: self.log("server"))

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.call("GET", "/ready")[0] == 200
        return False

    def client(self) -> Client:
        return Client(self.port, self.key)

    def call(self, *arguments: Any, **options: Any) -> tuple[int, dict[str, str], Any]:
        """One call on a connection of its own."""
        with contextlib.closing(self.client()) as client:
            return client.call(*arguments, **options)

    def upload(self, name: str, content: bytes, **fields: str) -> tuple[int, Any]:
        """Upload and wait for the validation; (status, body)."""
        body, content_type = upload_form(content, name=name, **fields)
        status, _, answer = self.call(
            "POST", "/api/v1/models/upload?wait=60", body, timeout=90, **{"Content-Type": content_type}
        )
        return status, answer

    def ended(self, name: str) -> int | None:
        """The exit code of a started process once it has ended."""
        return self._processes[name].poll()

    def children(self, name: str) -> list[int]:
        """The process ids of a started process's children: the workers of the server."""
        return [pid for pid, called in self._children(name).items() if called not in _HELPERS]

    def helpers(self, name: str) -> dict[str, int]:
        """The process ids of those of its children that help the workers, by name."""
        return {called: pid for pid, called in self._children(name).items() if called in _HELPERS}

    def _children(self, name: str) -> dict[int, str]:
        pid = self._processes[name].pid
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return {child: _called(child) for child in children}

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the platform's database, read from outside of it."""
        if self.database_url:
            with (
                contextlib.closing(psycopg2.connect(self.database_url)) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute(sql)
                return list(cursor.fetchall())
        with contextlib.closing(
            sqlite3.connect(f"file:{self.directory / 'db.sqlite3'}?mode=ro", uri=True, timeout=30)
        ) as connection:
            return list(connection.execute(sql).fetchall())

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text()[-6000:]

    def stop(self, name: str, with_signal: int = signal.SIGTERM) -> int:
        """End a process; returns its exit code."""
        process = self._processes.pop(name)
        process.send_signal(with_signal)
        try:
            return process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise

    def stop_all(self) -> None:
        for name in list(self._processes):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stop(name)


def ends_with_this_process(line: list[str]) -> list[str]:
    """The command, to get SIGTERM when the thread that started it is no more: a killed run leaves no platform."""
    return ["setpriv", "--pdeathsig", "TERM", *line] if shutil.which("setpriv") else line


def wait_until(condition: Any, seconds: float, explain: Any = lambda: "") -> None:
    """Look until `condition()` holds; fails with what `explain()` says after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.05)


@contextlib.contextmanager
def postgres_database(like: str = "") -> Iterator[str]:
    """A database of its own on the local PostgreSQL server, a copy of the one named, or empty; its URL."""
    admin = "postgres://postgres@127.0.0.1:5432/postgres"
    name = f"mlplatform_live_{uuid.uuid4().hex[:8]}"
    with contextlib.closing(psycopg2.connect(admin)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {name_in(like) if like else 'template1'}")
    try:
        yield urllib.parse.urlunsplit(("postgres", "postgres@127.0.0.1:5432", f"/{name}", "", ""))
    finally:
        with contextlib.closing(psycopg2.connect(admin)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def name_in(url: str) -> str:
    """The name of the database that a URL leads to."""
    return urllib.parse.urlsplit(url).path.removeprefix("/")


def _called(pid: int) -> str:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""
