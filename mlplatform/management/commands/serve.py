"""`manage.py serve`: the production web server, in this process."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from monitoring import scrape

GUNICORN_CONFIGURATION = settings.BASE_DIR / "deploy" / "gunicorn.conf.py"
SERVERS = ("builtin", "gunicorn")


def command_line(
    *, server: str | None = None, workers: int | None = None, threads: int | None = None, bind: str | None = None
) -> list[str]:
    """The server's command line; what is None is as the settings say. Raises CommandError for an unknown server."""
    build = {"builtin": _builtin, "gunicorn": _gunicorn}.get(server or settings.SERVER)
    if build is None:
        raise CommandError(f"SERVER must be one of {', '.join(SERVERS)}, not {settings.SERVER!r}.")
    host, _, port = bind.rpartition(":") if bind else (settings.BIND, "", str(settings.PORT))
    if not port.isdigit():
        raise CommandError("--bind must be HOST:PORT.")
    return [
        sys.executable,
        "-m",
        *build(host.strip("[]") or settings.BIND, port, workers or settings.WORKERS, threads or settings.THREADS),
    ]


def _builtin(host: str, port: str, workers: int, threads: int) -> list[str]:
    line = ["mlplatform.server", "--host", host, "--port", port]
    return [*line, "--workers", str(workers), "--threads", str(threads)]


def _gunicorn(host: str, port: str, workers: int, threads: int) -> list[str]:
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    line = ["gunicorn", "--config", str(GUNICORN_CONFIGURATION), "--chdir", str(settings.BASE_DIR), "--bind", bind]
    return [*line, "--workers", str(workers), "--threads", str(threads), "mlplatform.wsgi:application"]


class Command(BaseCommand):
    help = "Serves the platform; SIGTERM finishes the requests in flight and ends."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--server", choices=SERVERS, help=f"The web server (SERVER, {settings.SERVER}).")
        parser.add_argument("--workers", type=int, help=f"Serving processes (WORKERS, {settings.WORKERS}).")
        parser.add_argument("--threads", type=int, help=f"Threads per process (THREADS, {settings.THREADS}).")
        parser.add_argument("--bind", metavar="HOST:PORT", help=f"Where to listen ({settings.BIND}:{settings.PORT}).")

    def handle(self, *args: Any, **options: Any) -> None:
        for name in ("workers", "threads"):
            if options[name] is not None and options[name] < 1:
                raise CommandError(f"--{name} must be at least 1.")
        names = ("server", "workers", "threads", "bind")
        line = command_line(**{name: options[name] for name in names})
        scrape.forget_the_dead()
        self.stdout.flush()
        os.environ["VAR_DIR"] = str(settings.VAR_DIR)  # the server may change its directory; ours may be relative
        os.chdir(settings.BASE_DIR)  # where the packages are
        os.execv(line[0], line)  # noqa: S606 (our own interpreter; the master must not carry this command's memory)
