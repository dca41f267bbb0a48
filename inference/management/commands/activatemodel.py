"""manage.py activatemodel REF VERSION"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference import activation
from inference.errors import ActivationFailed
from registry import resolver
from registry.errors import RegistryError
from registry.management.people import find_person


class Command(BaseCommand):
    help = "Make a version live in every serving process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference", metavar="REF", help="The model: its name or id.")
        parser.add_argument("version", type=int, metavar="VERSION", help="The version's number.")
        parser.add_argument("--by", default="", help="Who does it (e-mail address); default: the only superuser.")
        parser.add_argument("--note", default="", help="Why; kept in the ledger.")

    def handle(self, *args: Any, reference: str, version: int, by: str, note: str, **options: Any) -> None:
        person = find_person(by)
        try:
            chosen = resolver.find_version(resolver.find_model(reference, user=person), version)
            entry = activation.activate(version=chosen, by=person, note=note, progress=self._show)
        except (RegistryError, ActivationFailed) as error:
            raise CommandError(f"{error.message} ({error.code})") from error
        self.stdout.write(f"{entry.version} is live.")

    def _show(self, done: int, of: int) -> None:
        """One line that is written over, on a terminal only."""
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} of {of} serving processes are warm", ending="\n" if done == of else "")
