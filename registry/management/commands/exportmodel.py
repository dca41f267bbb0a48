"""manage.py exportmodel REF OUT"""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from registry import bundles, names, resolver
from registry.errors import RegistryError
from registry.management.people import find_person
from registry.models import SERVABLE, ModelVersion, RegisteredModel


class Command(BaseCommand):
    help = "Write a model into a bundle, to be imported elsewhere (importmodel)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "reference", metavar="REF", help="`churn`: what is live, or else the newest; `churn:3`: that version."
        )
        parser.add_argument("out", type=Path, metavar="OUT", help="The file to write, for example churn.zip.")
        parser.add_argument("--all", action="store_true", help="Every version that can be served.")
        parser.add_argument("--by", default="", help="Who does it (e-mail address); default: the only superuser.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, reference: str, out: Path, **options: Any) -> None:
        person = find_person(options["by"])
        try:
            model, versions = _chosen(reference, every=options["all"], person=person)
            digest = bundles.write(out, model, versions, progress=self._show)
        except RegistryError as error:
            raise CommandError(f"{error.message} ({error.code})") from error
        except OSError as error:
            raise CommandError(f"{error.filename or out} can't be read or written: {error.strerror}.") from error
        numbers = [version.number for version in versions]
        audit.record("model.exported", by=person, target=model, details={"versions": numbers, "sha256": digest})
        if options["json"]:
            self.stdout.write(json.dumps({"model": model.name, "versions": numbers, "sha256": digest}, indent=2))
            return
        named = ", ".join(str(version) for version in versions)
        self.stdout.write(f"{out} holds {named}.\nSHA-256 {digest}")

    def _show(self, done: int, of: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r  {100 * done // max(of, 1)} %", ending="\n" if done >= of else "")


def _chosen(reference: str, *, every: bool, person: Any) -> tuple[RegisteredModel, list[ModelVersion]]:
    parsed = names.parse(reference)
    model = resolver.find_model(reference, user=person)
    servable = model.versions.filter(status__in=SERVABLE).select_related("model").order_by("number")
    if parsed is not None and parsed.version is not None:
        return model, [resolver.find_version(model, parsed.version)]
    if every:
        versions = list(servable)
    else:
        live = model.open_deployment()
        versions = list(servable.filter(pk=live.version_id) if live else servable.reverse()[:1])
    if not versions:
        raise CommandError(f"{model.name} has no version that can be served.")
    return model, versions
