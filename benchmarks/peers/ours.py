"""This platform, as a user sets it up: an empty VAR_DIR, models uploaded by API, validated, activated, a limited key.

Everything is on: authentication, limits, validation of inputs, durable records, the job runner beside.
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers.server import Door, Server
from benchmarks.served_over_http import Platform

ROOT = Path(__file__).resolve().parents[2]
WIDE_LIMIT = 1_000_000_000
"""A limit that is counted on every request and never reached."""
PERSON = ("bench@example.org", "horse battery staple")
_UNSET = ("DATABASE_URL", "REDIS_URL", "RATE_LIMIT_REDIS_URL", "FAST_LANE", "VAR_DIR", "PORT", "WORKERS", "THREADS")


class Program(NamedTuple):
    """The platform's code: its folder, and the Python it runs with."""

    folder: Path = ROOT
    python: str = sys.executable

    @classmethod
    def chosen(cls, built: Path | None) -> "Program":
        """What `deploy/build.sh` made in the folder `built`; without one, this checkout."""
        if built is None:
            return cls()
        built = built.resolve()
        return cls(built / "app", str(built / "venv" / "bin" / "python"))

    @property
    def told(self) -> str:
        """Which it is, for a report."""
        return "a checkout" if self.folder == ROOT else "as `deploy/build.sh` makes it"


_CHECKOUT = Program.chosen(None)


class Installation:
    """One installation: its data below `folder`, its job runner, and any number of servers over it."""

    def __init__(
        self, folder: Path, *, database_url: str = "", redis_url: str = "", fresh: bool = True,
        program: Program = _CHECKOUT,
    ) -> None:  # fmt: skip
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._program = folder, program
        self.environment = {
            "VAR_DIR": str(folder),
            "LOG_LEVEL": "WARNING",
            **({"DATABASE_URL": database_url} if database_url else {}),
            **({"REDIS_URL": redis_url} if redis_url else {}),
        }
        self._servers: list[Server] = []
        self.key = ""
        self.jobs: Server | None = None

    def prepare(self) -> None:
        """Tables, an administrator, a key with a limit, the job runner."""
        self.manage("migrate", "--verbosity", "0")
        make = f"from accounts.models import User; User.objects.create_superuser(*{PERSON!r})"
        self.manage("shell", "--verbosity", "0", "--command", make)
        key = ["createapikey", PERSON[0], "--name", "benchmark", "--rate-limit", str(WIDE_LIMIT)]
        self.key = self.manage(*key, "--scope", "predict", "read", "upload", "activate").splitlines()[-1]
        self.jobs = self.run_jobs("jobs")

    def run_jobs(self, log: str) -> Server:
        """Start a job runner; any number may run."""
        return self._start("runjobs", log, {})

    def serve(self, port: int, *, workers: int, settings: dict[str, str] | None = None, log: str = "server") -> Server:
        """Start a server; it returns at once."""
        arguments = ("serve", "--workers", str(workers), "--bind", f"127.0.0.1:{port}")
        return self._start(arguments[0], f"{log}-{port}", settings or {}, *arguments[1:])

    def is_ready(self, port: int) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return bool(answer.status == 200)

    def upload(self, port: int, artifact: Path, name: str, *, activate: bool = True, most_rows: int = 0) -> int:
        """Upload by API, wait for the verdict, make it live by API; returns the version's number."""
        platform = Platform(f"http://127.0.0.1:{port}", self.key)
        number = int(platform.upload(artifact, name=name, trusted=False)["number"])
        if most_rows:
            self._change(port, "PATCH", f"/api/v1/models/{name}", {"max_batch_rows": most_rows})
        if activate:
            self.activate(port, name, number)
        return number

    def activate(self, port: int, name: str, number: int) -> None:
        """Make a version live by API."""
        self._change(port, "POST", f"/api/v1/models/{name}/versions/{number}/activate", {})

    def door(self, port: int, reference: str) -> Door:
        return Door(port, f"/api/v1/predict/{reference}", "instances", {"X-API-Key": self.key})

    def stop(self) -> None:
        """Servers first, the job runner last."""
        for server in reversed(self._servers):
            server.stop()
        self._servers = []

    def drop(self, server: Server) -> None:
        """Stop one server."""
        server.stop()
        self._servers.remove(server)

    def manage(self, *arguments: str) -> str:
        """Run a command to its end; its output."""
        done = subprocess.run(
            [self._program.python, "manage.py", *arguments], cwd=self._program.folder, env=self.settings(),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{arguments[0]}: {done.stderr[-1500:]}")
        return done.stdout.strip()

    def records(self) -> int:
        """Predictions written down so far."""
        count = "from monitoring.models import PredictionLog; print(PredictionLog.objects.count())"
        return int(self.manage("shell", "--verbosity", "0", "--command", count).splitlines()[-1])

    def _start(self, command: str, log: str, settings: dict[str, str], *arguments: str) -> Server:
        python, folder = self._program.python, self._program.folder
        server = Server(
            [python, str(folder / "manage.py"), command, *arguments], environment={**self.settings(), **settings},
            folder=folder, log=self.folder / "log" / f"{log}.log",
        )  # fmt: skip
        self._servers.append(server)
        return server

    def settings(self) -> dict[str, str]:
        """The whole environment of this installation's processes."""
        kept = {name: value for name, value in os.environ.items() if name not in _UNSET}
        return {**kept, **self.environment}

    def _change(self, port: int, method: str, path: str, body: dict[str, object]) -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", data=json.dumps(body).encode(), method=method,
            headers={"X-API-Key": self.key, "Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=120) as answer:
            answer.read()
