"""`manage.py demo`: models trained on real data, published as a user would."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from mlplatform import stopping
from mlplatform.demo import publishing, training
from mlplatform.demo.publishing import Stage
from registry.errors import RegistryError
from registry.models import ModelVersion
from solutions import catalogue
from solutions.solution import Solution


class Command(BaseCommand):
    help = "Trains, uploads, validates and activates the demo's models. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--owner", metavar="EMAIL", help="Who uploads them (the first superuser).")
        parser.add_argument(
            "--no-wait",
            dest="wait",
            action="store_false",
            help="Upload only; a job runner validates, you activate.",
        )
        parser.add_argument(
            "--wait", dest="wait", action="store_true", default=True, help="Wait and activate (the default)."
        )
        parser.add_argument(
            "--timeout", type=float, default=600.0, metavar="SECONDS", help="The longest wait for validation."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with stopping.on_signal(stopping.interrupt_once()):
            try:
                self._run(options)
            except KeyboardInterrupt:
                raise CommandError("The demo was stopped; run it again to go on.") from None

    def _run(self, options: dict[str, Any]) -> None:
        owner = self._owner(options["owner"])
        versions = [version for name in publishing.NAMES if (version := self._publish(owner, name)) is not None]
        for solution in catalogue.every():
            versions += self._publish_solution(owner, solution)
        if not options["wait"]:
            return
        problems = publishing.finish(
            by=owner, versions=versions, report=self._report, timeout_seconds=options["timeout"]
        )
        if problems:
            raise CommandError("The demo is not complete:\n  " + "\n  ".join(problems))

    def _publish(self, owner: User, name: str) -> ModelVersion | None:
        """Train and upload the model unless that was done before; the version to wait for, if any."""
        stage, version = publishing.stage_of(name)
        if stage is Stage.DONE:
            self._report(name, "is there already")
        if stage is not Stage.MISSING:
            return version
        trained = training.RECIPES[name]()
        metrics = ", ".join(f"{key} {value:g}" for key, value in trained.metrics.items())
        try:
            version = publishing.upload(by=owner, name=name, trained=trained)
        except RegistryError as error:
            raise CommandError(f"{name}: {error}") from error
        self._report(name, f"trained ({metrics}) and uploaded as version {version.number}")
        return version

    def _publish_solution(self, owner: User, solution: Solution) -> list[ModelVersion]:
        """The same for the models of a solution, which are trained together, and what it needs to be shown."""
        if told := publishing.prepare(by=owner, solution=solution):
            self._report(solution.name, told)
        stages = {name: publishing.stage_of(name) for name in solution.models}
        for name, (stage, _) in stages.items():
            if stage is Stage.DONE:
                self._report(name, "is there already")
        versions = [version for _, version in stages.values() if version is not None]
        if all(stage is not Stage.MISSING for stage, _ in stages.values()):
            return versions
        for trained in publishing.trained_by(solution):
            if stages[trained.name][0] is not Stage.MISSING:
                continue
            try:
                version = publishing.upload_of_solution(by=owner, solution=solution, trained=trained)
            except RegistryError as error:
                raise CommandError(f"{trained.name}: {error}") from error
            told = ", ".join(f"{figure.name} {figure.value:.3f}" for figure in trained.figures[:3])
            self._report(trained.name, f"trained ({told}) and uploaded as version {version.number}")
            versions.append(version)
        return versions

    def _owner(self, email: str | None) -> User:
        if email:
            owner = User.objects.filter(email__iexact=email).first()
            if owner is None:
                raise CommandError(f"There is no user {email}.")
            return owner
        owner = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if owner is None:
            raise CommandError(
                "There is no superuser to own the demo: run `manage.py createsuperuser`, or give --owner."
            )
        return owner

    def _report(self, name: str, line: str) -> None:
        self.stdout.write(f"  {name:<18} {line}")
        self.stdout.flush()
