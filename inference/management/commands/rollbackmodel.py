"""manage.py rollbackmodel REF"""

from argparse import ArgumentParser
from typing import Any

from inference import activation
from inference.management.model_command import ModelCommand, facts_of_entry
from registry import resolver
from registry.management.people import find_person


class Command(ModelCommand):
    help = "Make live again what was live before."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference", metavar="REF", help="The model: its name or id.")
        parser.add_argument("--by", default="", help="Who does it (e-mail address); default: the only superuser.")
        parser.add_argument("--note", default="", help="Why; kept in the ledger.")
        self.add_json(parser)

    def handle(self, *args: Any, reference: str, by: str, note: str, **options: Any) -> None:
        self.begin(options)
        person = find_person(by)
        with self.told():
            model = resolver.find_model(reference, user=person)
            entry = activation.rollback(model=model, by=person, note=note, progress=self.show_warm)
        self.say(f"{entry.version} is live again.")
        self.answer(facts_of_entry(entry))
