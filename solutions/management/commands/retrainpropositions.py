"""manage.py retrainpropositions"""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference import jobs as inference_jobs
from registry.errors import RegistryError
from registry.management.people import find_person
from solutions.errors import SolutionError
from solutions.propositions import SOLUTION, learners
from solutions.propositions.models import UNFINISHED, Retraining
from solutions.propositions.retraining import requests, running


class Command(BaseCommand):
    help = "Retrains the ranking of propositions on what was logged, and proposes the version if it is better."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--kind", choices=list(learners.KINDS), default=learners.USUAL)
        parser.add_argument("--seed", type=int, default=SOLUTION.seed)
        parser.add_argument("--owner", default="", help="Who uploads it (e-mail address); default: the only superuser.")
        parser.add_argument("--queue", action="store_true", help="Only ask for it; a job runner does it.")
        parser.add_argument("--wait", type=float, default=1800.0, metavar="SECONDS", help="The longest wait (1800).")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = requests.ask(by=find_person(options["owner"]), kind=options["kind"], seed=options["seed"])
        except (SolutionError, RegistryError) as error:
            raise CommandError(f"{error.message} ({error.code})") from error
        self.stdout.write(f"{run} is queued.")
        if not options["queue"]:
            self._follow(run, options["wait"])

    def _follow(self, run: Retraining, seconds: float) -> None:
        """Lends a hand: this process trains and validates too, so that it needs no job runner."""
        deadline, shown = time.monotonic() + seconds, ""
        while run.status in UNFINISHED:
            if time.monotonic() > deadline:
                raise CommandError(f"{run} has not ended within {seconds:.0f} s; a job runner goes on with it.")
            if not (running.run_next() or inference_jobs.validate_next()):
                time.sleep(0.2)
            run.refresh_from_db()
            step = (run.progress or {}).get("step", "")
            if step and step != shown:
                shown = step
                self.stdout.write(f"  {step}")
        self.stdout.write(f"{run}: {run.get_status_display().lower()}: {run.reason}")
