"""manage.py simulatepropositions"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from solutions.propositions import SOLUTION
from solutions.propositions.simulator import comparison, page


class Command(BaseCommand):
    help = (
        "Compares the learned ranking of propositions with random, popularity, rules and the truth on simulated users."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=SOLUTION.seed, help="The same seed, the same figures.")
        parser.add_argument("--page", type=Path, help="Write the table into this page and the picture beside it.")

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path | None = options["page"]
        text = target.read_text() if target else f"{page.BEGIN}{page.END}"
        try:
            page.inserted(text, "")
        except ValueError as error:
            raise CommandError(str(error)) from error
        found = comparison.compare(seed=options["seed"], tell=lambda step: self.stderr.write(f"  {step}"))
        told = page.table(found, seed=options["seed"])
        self.stdout.write(told)
        if target:
            target.write_text(page.inserted(text, told))
            target.with_name(page.PICTURE).write_text(page.picture(found))
