"""`manage.py up`: everything on one machine, in the foreground, until Ctrl-C."""

import contextlib
import fcntl
import http.client
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from mlplatform import demo_access, stopping, supervisor
from mlplatform.demo import publishing
from mlplatform.demo_access import DemoAccess
from mlplatform.supervisor import Child, GaveUp
from monitoring import scrape
from registry.models import ModelVersion

READY_SECONDS = 120.0
EXAMPLE = "breast-cancer"


class Command(BaseCommand):
    help = "Prepares database and demo, starts the job runner and the web server, and stops both at Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("`up` is for trying out; in production run `serve` and `runjobs` (docs/deployment.md).")
        self.children: list[Child] = []
        self.is_stopping = self.is_hurrying = False
        with _only_one(settings.VAR_DIR), stopping.on_signal(self._signalled):
            try:
                self._check_port()
                self._run()
            except KeyboardInterrupt:
                self._say("\nStopping …")
            except GaveUp as error:
                raise CommandError(f"{error}\n{error.child.last_lines()}") from error
            finally:
                self._stop_children()
            self._say("Stopped.")

    def _run(self) -> None:
        self._migrate()
        scrape.forget_the_dead()
        access = demo_access.prepare(file=settings.VAR_DIR / "demo.env", url=self._url())
        # The server first: what is published then goes live as it always does, and no alert says that nobody serves it.
        server = self._start("web server", _manage("serve"), log="server.log")
        self._wait_until_ready(server)
        children = [server, self._start("job runner", _manage("runjobs"), log="jobs.log")]
        if not publishing.is_complete():
            self._publish_demo()
        self._show(access)
        connections.close_all()
        while True:
            for child in children:
                child.keep_alive(self._say)
            time.sleep(0.5)

    # -- Preparing ------------------------------------------------------------------------------------

    def _check_port(self) -> None:
        """Say so at once when somebody else listens there."""
        family = socket.AF_INET6 if ":" in settings.BIND else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.BIND, settings.PORT))
            except OSError as error:
                raise CommandError(
                    f"Port {settings.PORT} on {settings.BIND} can't be had ({error.strerror}). "
                    f"Stop what uses it, or choose another: PORT={settings.PORT + 1} make run"
                ) from error

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        steps = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if steps:
            self._say(f"Preparing the database: {steps} migrations …")
            call_command("migrate", verbosity=0, interactive=False)

    def _publish_demo(self) -> None:
        """Train, upload, validate and activate the demo's models; without them the platform still starts."""
        self._say("Publishing the demo's models, trained on real data:")
        child = Child("demo", _manage("demo"), environment={**_environment(), "LOG_LEVEL": "WARNING"})
        self.children.append(child)
        child.start()
        while (status := child.ended()) is None:
            self._pause(0.1)
        self.children.remove(child)
        if status != 0:
            self._say("The demo is not complete; the platform starts as it is. `manage.py demo` tries again.")

    def _start(self, name: str, command: list[str], *, log: str) -> Child:
        file = settings.VAR_DIR / "log" / log
        file.parent.mkdir(mode=0o700, exist_ok=True)
        if file.exists():
            file.replace(file.with_suffix(".log.1"))
        child = Child(name, command, log=file, environment=_environment())
        self.children.append(child)
        child.start()
        return child

    def _wait_until_ready(self, server: Child) -> None:
        self._say("Starting the web server …")
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if server.ended() is not None or time.monotonic() > deadline:
                raise CommandError(f"The web server did not get ready. The end of its log:\n{server.last_lines()}")
            self._pause(0.1)

    def _is_ready(self) -> bool:
        link = http.client.HTTPConnection(_reachable_host(), settings.PORT, timeout=5)
        with contextlib.closing(link), contextlib.suppress(OSError, http.client.HTTPException):
            link.request("GET", "/ready")
            return link.getresponse().status == http.HTTPStatus.OK
        return False

    # -- Telling --------------------------------------------------------------------------------------

    def _show(self, access: DemoAccess) -> None:
        lines = [
            "",
            f"The platform is ready:  {access.url}",
            f"  Admin                 {access.url}/admin/",
            f"  Sign in               {access.email}  {access.password}",
            f"  API key               {access.api_key}",
            f"  API documentation     {access.url}/docs",
            f"  The same for scripts  {settings.VAR_DIR / 'demo.env'}",
            f"  Logs                  {settings.VAR_DIR / 'log'}",
            "",
        ]
        example = _example(access)
        if example:
            lines += ["Ask a model:", "", example, ""]
        self._say("\n".join([*lines, "Ctrl-C stops everything."]))

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _url(self) -> str:
        return f"http://{_reachable_host(for_url=True)}:{settings.PORT}"

    # -- Stopping -------------------------------------------------------------------------------------

    def _signalled(self) -> None:
        """The first signal interrupts; another one, while the children finish, ends the waiting."""
        if self.is_stopping:
            self.is_hurrying = True
        else:
            self.is_stopping = True
            raise KeyboardInterrupt

    def _pause(self, seconds: float) -> None:
        """Sleep, but not through a stop: an interrupt that hits inside a destructor or a fork's hook is lost."""
        if self.is_stopping:
            raise KeyboardInterrupt
        time.sleep(seconds)

    def _stop_children(self) -> None:
        self.is_stopping = True
        for child in self.children:
            child.ask_to_stop()
        deadline = time.monotonic() + supervisor.STOP_SECONDS
        while (
            any(child.ended() is None for child in self.children)
            and time.monotonic() < deadline
            and not self.is_hurrying
        ):
            time.sleep(0.05)
        for child in self.children:
            child.wait_until_stopped(0.0)


def _environment() -> dict[str, str]:
    """A child may change its directory, so what is relative to ours must not be."""
    paths = [str(settings.BASE_DIR), *filter(None, [os.environ.get("PYTHONPATH")])]
    # Nobody stands in front of this server who would have to be told that it leaves.
    return {"VAR_DIR": str(settings.VAR_DIR), "PYTHONPATH": os.pathsep.join(paths), "LAME_DUCK_SECONDS": "0"}


def _manage(command: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), command]


def _reachable_host(*, for_url: bool = False) -> str:
    """Where this machine reaches the server: an address that stands for all is reached on the loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(settings.BIND, settings.BIND)  # noqa: S104
    return f"[{host}]" if for_url and ":" in host else host


@contextlib.contextmanager
def _only_one(var_dir: Path) -> Iterator[TextIO]:
    """Hold the lock of this VAR_DIR; two would fight over its database and port."""
    with (var_dir / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandError(
                f"`up` runs already with VAR_DIR={var_dir}. Stop it, or choose another directory."
            ) from error
        yield file


def _example(access: DemoAccess) -> str:
    """A curl with a real row that the example model never saw; empty when the model isn't live."""
    version = ModelVersion.objects.filter(
        model__name=EXAMPLE, deployments__closed_at=None, deployments__isnull=False
    ).first()
    if version is None or not version.sample:
        return ""
    row = version.sample[0]
    body = json.dumps({"instances": [list(row.values()) if isinstance(row, dict) else row]}, separators=(",", ":"))
    return (
        f"curl -s {access.url}/api/v1/predict/{EXAMPLE} \\\n"
        f"  -H 'X-API-Key: {access.api_key}' -H 'Content-Type: application/json' \\\n"
        f"  -d '{body}'"
    )
