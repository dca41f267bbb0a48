"""manage.py rollbackmodel REF"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference import activation
from inference.errors import ActivationFailed
from registry import resolver
from registry.errors import RegistryError
from registry.management.people import find_person


class Command(BaseCommand):
    help = "Make live again what was live before."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference", metavar="REF", help="The model: its name or id.")
        parser.add_argument("--by", default="", help="Who does it (e-mail address); default: the only superuser.")
        parser.add_argument("--note", default="", help="Why; kept in the ledger.")

    def handle(self, *args: Any, reference: str, by: str, note: str, **options: Any) -> None:
        person = find_person(by)
        try:
            entry = activation.rollback(model=resolver.find_model(reference, user=person), by=person, note=note)
        except (RegistryError, ActivationFailed) as error:
            raise CommandError(f"{error.message} ({error.code})") from error
        self.stdout.write(f"{entry.version} is live again.")
