"""`manage.py serve`: the production web server, in this process."""

import os
import sys
from argparse import ArgumentParser
from typing import Any, NamedTuple

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mlplatform.server import master
from monitoring import scrape

GUNICORN_CONFIGURATION = settings.BASE_DIR / "deploy" / "gunicorn.conf.py"
SERVERS = ("builtin", "gunicorn")


class Plan(NamedTuple):
    """Where to serve, and by how many."""

    host: str
    port: int
    workers: int
    threads: int


class Command(BaseCommand):
    help = "Serves the platform; SIGTERM finishes the requests in flight and ends."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--server", choices=SERVERS, help=f"The web server (SERVER, {settings.SERVER}).")
        parser.add_argument("--workers", type=int, help=f"Serving processes (WORKERS, {settings.WORKERS}).")
        parser.add_argument("--threads", type=int, help=f"Threads per process (THREADS, {settings.THREADS}).")
        parser.add_argument("--bind", metavar="HOST:PORT", help=f"Where to listen ({settings.BIND}:{settings.PORT}).")

    def handle(self, *args: Any, **options: Any) -> None:
        server = options["server"] or settings.SERVER
        if server not in SERVERS:
            raise CommandError(f"SERVER must be one of {', '.join(SERVERS)}, not {server!r}.")
        wanted = plan(workers=options["workers"], threads=options["threads"], bind=options["bind"])
        scrape.forget_the_dead()
        self.stdout.flush()
        os.environ["VAR_DIR"] = str(settings.VAR_DIR)  # the server may change its directory; ours may be relative
        os.chdir(settings.BASE_DIR)  # where the packages are
        if server == "gunicorn":
            line = gunicorn(wanted)
            os.execv(line[0], line)  # noqa: S606 (our own interpreter; its master carries no application)
        master.serve(**wanted._asdict())


def plan(*, workers: int | None = None, threads: int | None = None, bind: str | None = None) -> Plan:
    """What is None is as the settings say. Raises CommandError for what can't be meant."""
    for name, value in (("workers", workers), ("threads", threads)):
        if value is not None and value < 1:
            raise CommandError(f"--{name} must be at least 1.")
    host, _, port = bind.rpartition(":") if bind else (settings.BIND, "", str(settings.PORT))
    if not port.isdigit():
        raise CommandError("--bind must be HOST:PORT.")
    return Plan(host.strip("[]") or settings.BIND, int(port), workers or settings.WORKERS, threads or settings.THREADS)


def gunicorn(plan: Plan) -> list[str]:
    """gunicorn's command line."""
    bind = f"[{plan.host}]:{plan.port}" if ":" in plan.host else f"{plan.host}:{plan.port}"
    line = [sys.executable, "-m", "gunicorn", "--config", str(GUNICORN_CONFIGURATION)]
    line += ["--chdir", str(settings.BASE_DIR), "--bind", bind]
    return [*line, "--workers", str(plan.workers), "--threads", str(plan.threads), "mlplatform.wsgi:application"]
