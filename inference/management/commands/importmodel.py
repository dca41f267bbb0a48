"""manage.py importmodel FILE"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.management.base import CommandError

from accounts.models import User
from inference.management.model_command import Counted, ModelCommand, facts_of
from registry import bundles, services
from registry.management.people import find_person
from registry.models import ModelVersion


class Command(ModelCommand):
    help = "Upload the versions of a bundle (exportmodel). Safe to repeat: what is there already is left alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="The bundle.")
        parser.add_argument("--name", default="", help="The model here; default: its name there.")
        parser.add_argument("--sha256", default="", help="Refuse the bundle unless it has this digest.")
        parser.add_argument("--owner", default="", help="Who uploads (e-mail address); default: the only superuser.")
        self.add_wait(parser)
        self.add_json(parser)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        self.begin(options)
        person = find_person(options["owner"])
        try:
            with self.told(), bundles.read(file, sha256=options["sha256"]) as bundle:
                name = options["name"] or bundle.model["name"]
                versions = [self._one(bundle, version, name, person) for version in bundle.versions]
        except OSError as error:
            raise CommandError(f"{file} can't be read: {error.strerror}.") from error
        for version in versions:
            if options["wait"]:
                self.wait_for(version, options["wait"])
        if options["activate"]:
            self.activate(versions[-1], person, note=f"Imported from {file.name}.")
        self.answer({"bundle": bundle.sha256, "versions": [facts_of(version) for version in versions]})

    def _one(self, bundle: bundles.Bundle, version: dict[str, Any], name: str, person: User) -> ModelVersion:
        with bundle.original(version) as (opened, _):
            known = services.known_version(by=person, name=name, file=opened)
        if known is not None:
            self.say(f"Version {version['number']} is there already as {known}.")
            return known
        with bundle.original(version) as (opened, size):
            row = services.import_version(
                by=person,
                name=name,
                model=bundle.model,
                version=version,
                file=cast(BinaryIO, Counted(opened, size, self.show_bar)),
                bundle=bundle.sha256,
            )
        self.say(f"Version {version['number']} is uploaded as {row}.")
        return row
