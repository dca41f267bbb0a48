"""manage.py listmodels"""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from registry import selectors
from registry.management.people import find_person
from registry.models import Deployment, RegisteredModel, RegisteredModelQuerySet


class Command(BaseCommand):
    help = "List the models, with the version that is live; or the versions of one model."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference", nargs="?", default="", metavar="REF", help="List this model's versions.")
        parser.add_argument("--tag", default="", help="Only models (versions) with this tag.")
        parser.add_argument("--search", default="", help="Only models whose name or description holds this.")
        parser.add_argument(
            "--as",
            dest="email",
            default="",
            help="List what this person (e-mail address) may see; default: everything.",
        )
        parser.add_argument("--archived", action="store_true", help="List archived models too.")
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, reference: str, **options: Any) -> None:
        rows = self._versions(reference, options) if reference else self._models(options)
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
        elif rows:
            self._table(rows)
        elif reference or options["tag"] or options["search"]:
            self.stdout.write("Nothing matches.")
        else:
            self.stdout.write("There is no model yet. Upload one: manage.py uploadmodel FILE --name NAME")

    def _models(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        models = _visible(options["email"])
        models = models if options["archived"] else models.listed()
        if options["tag"]:
            models = models.filter(tags__has_item=options["tag"])
        if options["search"]:
            models = models.filter(Q(name__icontains=options["search"]) | Q(description__icontains=options["search"]))
        live = dict(Deployment.objects.filter(closed_at=None).values_list("model", "version__number"))
        return [_row(model, live.get(model.pk)) for model in models.select_related("owner").order_by("name")]

    def _versions(self, reference: str, options: dict[str, Any]) -> list[dict[str, Any]]:
        model = _visible(options["email"]).filter(name=reference).first()
        if model is None:
            raise CommandError(f"There is no model {reference!r}.")
        versions = selectors.versions_with_live(model).defer(*selectors.DETAILS)
        if options["tag"]:
            versions = versions.filter(tags__has_item=options["tag"])
        return [_version_row(version) for version in versions]

    def _table(self, rows: list[dict[str, Any]]) -> None:
        cells = [[_shown(value) for value in row.values()] for row in rows]
        titles = [title.upper() for title in rows[0]]
        widths = [max(len(title), *(len(row[at]) for row in cells)) for at, title in enumerate(titles)]
        for row in [titles, *cells]:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _visible(email: str) -> RegisteredModelQuerySet:
    everything = RegisteredModel.objects.all()
    return everything.visible_to(find_person(email)) if email else everything


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "-"
    if isinstance(value, list):
        return ", ".join(value) or "-"
    return "-" if value is None else str(value)


def _version_row(version: Any) -> dict[str, Any]:
    return {
        "version": version.number,
        "live": version.is_active,
        "status": version.status,
        "format": version.format,
        "runtime": version.runtime or None,
        "tags": version.tags,
        "damage": (version.damage or {}).get("code"),
        "created": version.created_at.isoformat(timespec="seconds"),
    }


def _row(model: RegisteredModel, live: int | None) -> dict[str, Any]:
    return {
        "name": model.name,
        "live": live,
        "versions": model.versions_count,
        "task": model.task or None,
        "visibility": model.visibility,
        "owner": model.owner.email,
    }
