"""`manage.py serve`: the production web server, in this process."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

CONFIGURATION = settings.BASE_DIR / "deploy" / "gunicorn.conf.py"


def command_line(*, workers: int | None = None, threads: int | None = None, bind: str | None = None) -> list[str]:
    """gunicorn's command line; what is None is left to the configuration file, which reads the settings."""
    line = [sys.executable, "-m", "gunicorn", "--config", str(CONFIGURATION)]
    line += ["--chdir", str(settings.BASE_DIR)]
    for option, value in (("--workers", workers), ("--threads", threads), ("--bind", bind)):
        if value is not None:
            line += [option, str(value)]
    return [*line, "mlplatform.wsgi:application"]


class Command(BaseCommand):
    help = "Serves the platform with gunicorn; SIGTERM finishes the requests in flight and ends."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workers", type=int, help=f"Serving processes (WORKERS, {settings.WORKERS}).")
        parser.add_argument("--threads", type=int, help=f"Threads per process (THREADS, {settings.THREADS}).")
        parser.add_argument("--bind", metavar="HOST:PORT", help=f"Where to listen ({settings.BIND}:{settings.PORT}).")

    def handle(self, *args: Any, **options: Any) -> None:
        for name in ("workers", "threads"):
            if options[name] is not None and options[name] < 1:
                raise CommandError(f"--{name} must be at least 1.")
        line = command_line(workers=options["workers"], threads=options["threads"], bind=options["bind"])
        self.stdout.flush()
        os.environ["VAR_DIR"] = str(settings.VAR_DIR)  # gunicorn changes its directory; ours may be relative
        os.execv(line[0], line)  # noqa: S606 (our own interpreter; the master must not carry Django's memory)
