"""manage.py listmodels"""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from registry.management.people import find_person
from registry.models import Deployment, RegisteredModel

_COLUMNS = ("name", "live", "versions", "task", "visibility", "owner")


class Command(BaseCommand):
    help = "List the models, with the version that is live."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--as",
            dest="email",
            default="",
            help="List what this person (e-mail address) may see; default: everything.",
        )
        parser.add_argument("--archived", action="store_true", help="List archived models too.")
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, email: str, archived: bool, **options: Any) -> None:
        everything = RegisteredModel.objects.all()
        models = everything.visible_to(find_person(email)) if email else everything
        live = dict(Deployment.objects.filter(closed_at=None).values_list("model", "version__number"))
        shown = (models if archived else models.listed()).select_related("owner").order_by("name")
        rows = [_row(model, live.get(model.pk)) for model in shown]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
        elif rows:
            self._table([[str(value if value is not None else "-") for value in row.values()] for row in rows])
        else:
            self.stdout.write("There is no model yet. Upload one: manage.py uploadmodel FILE --name NAME")

    def _table(self, rows: list[list[str]]) -> None:
        widths = [max(len(title), *(len(row[at]) for row in rows)) for at, title in enumerate(_COLUMNS)]
        for row in [[title.upper() for title in _COLUMNS], *rows]:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(model: RegisteredModel, live: int | None) -> dict[str, Any]:
    return {
        "name": model.name,
        "live": live,
        "versions": model.versions_count,
        "task": model.task or None,
        "visibility": model.visibility,
        "owner": model.owner.email,
    }
