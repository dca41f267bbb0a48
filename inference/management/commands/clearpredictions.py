"""manage.py clearpredictions"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from inference import clearing
from registry.management.people import find_person


class Command(BaseCommand):
    help = "Have every process forget the predictions it remembers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--by", default="", help="Who does it (e-mail address); default: the only superuser.")

    def handle(self, *args: Any, by: str, **options: Any) -> None:
        held = clearing.clear_everywhere(by=find_person(by))
        self.stdout.write(f"{held} remembered answers are forgotten.")
