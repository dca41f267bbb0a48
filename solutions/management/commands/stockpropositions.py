"""manage.py stockpropositions"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from registry.management.people import find_person
from solutions.propositions import SOLUTION, stocking


class Command(BaseCommand):
    help = (
        "Fills an installation without propositions with a simulated shop: propositions, users and a month of events."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=SOLUTION.seed, help="The same seed, the same shop.")
        parser.add_argument("--users", type=int, default=stocking.USERS, help=f"How many ({stocking.USERS}).")
        parser.add_argument("--days", type=int, default=stocking.DAYS, help=f"Of what past ({stocking.DAYS}).")
        parser.add_argument("--owner", default="", help="In whose name (e-mail address); default: the only superuser.")

    def handle(self, *args: Any, **options: Any) -> None:
        written = stocking.stock(
            by=find_person(options["owner"]), seed=options["seed"], users=options["users"], days=options["days"]
        )
        if not written["propositions"]:
            self.stdout.write("There are propositions already: nothing was written.")
            return
        self.stdout.write(
            f"{written['propositions']:,} propositions and {written['interactions']:,} events were written."
        )
