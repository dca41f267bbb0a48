"""A PostgreSQL server of a test's own, which may be stopped and killed as the shared one may not."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.live.stack import free_port


def _binary(name: str) -> str:
    """The newest installed; the test is skipped where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    path = str(found[-1]) if found else shutil.which(name)
    if not path:
        pytest.skip(f"{name} is not installed")
    return path


class OwnPostgres:
    """One server on a port of its own; `url` is that of its only database. It begins as a copy of `like`, or empty."""

    def __init__(self, directory: Path, like: "OwnPostgres | None" = None) -> None:
        # The server refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            try:
                entry = pwd.getpwnam(self._user)
            except KeyError:
                pytest.skip("there is no user postgres to run the server as")
            os.chown(directory, entry.pw_uid, entry.pw_gid)
        self._data, self._log, self.port = directory / "data", directory / "log", free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        if like:
            subprocess.run(["cp", "-a", like._data, self._data], check=True)
            return
        subprocess.run(
            [_binary("initdb"), "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            user=self._user, cwd="/", check=True, capture_output=True,
        )  # fmt: skip

    def start(self) -> None:
        """Start, and wait until it answers."""
        with contextlib.ExitStack() as resources:
            descriptor = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            resources.callback(os.close, descriptor)
            self._process = subprocess.Popen(
                [_binary("postgres"), "-D", self._data, "-p", str(self.port), "-h", "127.0.0.1", "-k", ""],
                user=self._user, cwd="/", stdout=descriptor, stderr=descriptor,
            )  # fmt: skip
        deadline = time.monotonic() + 120
        while True:
            try:
                psycopg2.connect(self.url).close()
            except psycopg2.OperationalError:
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.1)
            else:
                return

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def stop(self, *, kill: bool = False) -> None:
        """End the server: at once for its clients, in order for its data; or as a crash does."""
        if self._process is not None:
            if kill:
                self._kill_all()
            else:
                self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=120)
            self._process = None

    def _kill_all(self) -> None:
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)


@contextlib.contextmanager
def own_postgres(like: OwnPostgres | None = None) -> Iterator[OwnPostgres]:
    """A running server, removed at the end; it begins with the rows of one that has stopped, or empty."""
    with tempfile.TemporaryDirectory(prefix="own-postgres-") as directory:
        server = OwnPostgres(Path(directory), like)
        server.start()
        try:
            yield server
        finally:
            server.stop()
