"""manage.py erasesubject"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from monitoring import erasure
from monitoring.spool.emptying import wait_for_spool
from registry.errors import RegistryError
from registry.management.people import find_person


class Command(BaseCommand):
    help = "Erase what is recorded about a subject: inputs, outputs and the subject itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subject", help="The subject_id that predictions were asked with.")
        parser.add_argument("--by", default="", help="Who does it (e-mail address); default: the only superuser.")
        parser.add_argument("--wait", type=float, default=30.0, help="Seconds to wait for this host's spool.")

    def handle(self, *args: Any, subject: str, by: str, wait: float, **options: Any) -> None:
        at = timezone.now()
        try:
            counts = erasure.erase_subject(subject=subject, by=find_person(by))
        except RegistryError as error:
            raise CommandError(error.message) from error
        self.stdout.write("Erased: " + ", ".join(f"{count} {what}" for what, count in counts.items()) + ".")
        if not wait_for_spool(since=at, seconds=wait):
            raise CommandError("Files of this host's spool are still to be loaded; what is erased is left out of that.")
        self.stdout.write("No file of this host's spool is older than the erasure.")
