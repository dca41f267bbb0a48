"""manage.py warmup [REF …]"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from inference import activation
from inference.errors import ActivationFailed
from registry import names, resolver
from registry.errors import NoActiveVersion, RegistryError
from registry.management.people import find_person
from registry.models import Deployment, ModelVersion


class Command(BaseCommand):
    help = "Have every serving process load and warm up versions: those named, or all that are live."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("references", nargs="*", metavar="REF", help="churn, churn:3; default: all that is live.")
        parser.add_argument("--by", default="", help="Who does it (e-mail address); default: the only superuser.")

    def handle(self, *args: Any, references: list[str], by: str, **options: Any) -> None:
        person = find_person(by)
        failed = 0
        try:
            versions = [_version(reference, person) for reference in references] if references else _live()
        except RegistryError as error:
            raise CommandError(f"{error.message} ({error.code})") from error
        for version in versions:
            failed += not self._warm_up(version, person)
        if failed:
            raise CommandError(f"{failed} of {len(versions)} versions can't be warmed up everywhere.")

    def _warm_up(self, version: ModelVersion, person: User) -> bool:
        try:
            found = activation.warm_up(version=version, by=person, progress=self._show)
        except (RegistryError, ActivationFailed) as error:
            self.stderr.write(f"{version}: {error.message} ({error.code})")
            return False
        slowest = max((one["load_ms"] for one in found["processes"]), default=0.0)
        self.stdout.write(f"{version}: warm in {len(found['processes'])} serving processes, {slowest:.1f} ms at most")
        return True

    def _show(self, done: int, of: int) -> None:
        """One line that is written over, on a terminal only."""
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} of {of} serving processes are warm", ending="\n" if done == of else "")


def _live() -> list[ModelVersion]:
    entries = Deployment.objects.filter(closed_at=None, model__archived_at=None, version__quarantined_at=None)
    return [entry.version for entry in entries.select_related("version__model").order_by("model__name")]


def _version(reference: str, person: User) -> ModelVersion:
    parsed = names.parse(reference)
    name = str(parsed.model_id or parsed.name) if parsed else reference
    model = resolver.find_model(name, user=person)
    if parsed is not None and parsed.version is not None:
        return resolver.find_version(model, parsed.version)
    open = model.open_deployment()
    if open is None:
        raise NoActiveVersion(f"No version of {model.name} is live: activate one first.", model=model.name)
    return resolver.find_version(model, open.version.number)
