"""`manage.py runjobs`: the background jobs, in as many processes as wanted."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mlplatform import jobs
from mlplatform.job_runner import Runner


class Command(BaseCommand):
    help = "Runs the background jobs until SIGTERM; any number of runners may run at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Do what there is to do now and end.")

    def handle(self, *args: Any, **options: Any) -> None:
        runner = Runner(jobs.JOBS)
        if not options["once"]:
            runner.run()
            return
        failed = runner.run_once()
        if failed:
            raise CommandError(f"{failed} of {len(jobs.JOBS)} jobs failed: see the log.")
