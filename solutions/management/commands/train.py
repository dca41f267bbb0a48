"""manage.py train SOLUTION"""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from accounts.models import User
from inference.management.model_command import ModelCommand, facts_of
from registry.errors import RegistryError
from registry.management.people import find_person
from registry.models import ModelVersion, Status
from solutions import card, catalogue, publishing, shipping
from solutions.errors import SolutionError
from solutions.trained import TrainedModel
from solutions.work import PlainWork


class Command(ModelCommand):
    help = "Trains a solution's models, measures them on held-out rows and, if wanted, uploads and activates them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("solution", choices=list(catalogue.SOLUTIONS), metavar="SOLUTION", help="Its name.")
        parser.add_argument("--seed", type=int, default=None, help="The same seed yields the same models and figures.")
        parser.add_argument("--register", action="store_true", help="Upload the models as their next versions.")
        parser.add_argument(
            "--activate", action="store_true", help="Upload them, wait for their verdict, activate them."
        )
        parser.add_argument(
            "--owner", default="", help="Who uploads them (e-mail address); default: the only superuser."
        )
        parser.add_argument(
            "--wait",
            type=float,
            default=600.0,
            metavar="SECONDS",
            help="The longest wait for validation (600; 0: don't).",
        )
        parser.add_argument("--output", type=Path, help="Write the model files, figures and cards into this directory.")
        parser.add_argument("--page", type=Path, help="Rewrite the figures in this page, between its two marks.")
        parser.add_argument("--ship", action="store_true", help="Write the files that the solution's folder ships.")
        parser.add_argument("--keep", type=Path, help="Keep finished steps here, so that a stopped training goes on.")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        with self.quietly():
            self._handle(options)

    def _handle(self, options: dict[str, Any]) -> None:
        self.begin({"json": options["json"]})
        solution = catalogue.get(options["solution"])
        seed = solution.seed if options["seed"] is None else options["seed"]
        person = find_person(options["owner"]) if options["register"] or options["activate"] else None
        work = PlainWork(seed=seed, show=self.show_step, folder=options["keep"])
        try:
            trained: list[TrainedModel] = catalogue.room(solution.name, "training").train(work)
        except SolutionError as error:
            raise CommandError(f"{error.message} ({error.code})") from error
        except KeyboardInterrupt:
            again = " The same command goes on behind the last finished step." if options["keep"] else ""
            raise CommandError(f"Stopped.{again}", returncode=130) from None
        for one in trained:
            self._tell(one)
        if options["output"]:
            self._write(options["output"], solution.name, trained, seed)
        if options["ship"]:
            folder = catalogue.folder(solution.name) / "data"
            shipping.write(folder, trained)
            self.say(f"{folder} ships them.")
        if options["page"]:
            told = "\n\n".join(f"### {one.name}\n\n{card.figures(one, seed=seed)}" for one in trained)
            options["page"].write_text(card.page(options["page"].read_text(), told))
            self.say(f"{options['page']} has the figures.")
        versions = self._publish(person, solution.name, trained, seed, options) if person else []
        self.answer(
            {
                "solution": solution.name,
                "seed": seed,
                "models": [{"name": one.name, "metrics": one.as_metrics(), "facts": one.facts} for one in trained],
                "versions": [facts_of(version) for version in versions],
            }
        )

    def show_step(self, done: int, of: int, what: str) -> None:
        """A bar on a terminal, for people."""
        if self.stderr.isatty() and not self.is_json:
            filled = 30 * done // max(of, 1)
            bar = f"\r  [{'#' * filled}{'.' * (30 - filled)}] {what:<40.40}"
            self.stderr.write(bar, ending="\n" if done >= of else "")

    def _tell(self, trained: TrainedModel) -> None:
        self.say(f"{trained.name}: {len(trained.artifact):,} bytes")
        for figure in trained.figures:
            than = "" if figure.baseline is None else f"; {figure.baseline_name or 'baseline'} {figure.baseline:.4f}"
            self.say(
                f"  {figure.name:<24} {figure.value:.4f}  (95 %: {figure.low:.4f} to {figure.high:.4f}{than})"
                f"  {figure.dataset}"
            )

    def _write(self, folder: Path, solution: str, trained: list[TrainedModel], seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for one in trained:
            (folder / (one.filename or f"{one.name}.joblib")).write_bytes(one.artifact)
            (folder / f"{one.name}.json").write_text(json.dumps(_beside(one), ensure_ascii=False) + "\n")
            told = {
                "seed": seed,
                "metrics": one.as_metrics(),
                "facts": one.facts,
                "sample": one.sample,
                "expected": one.expected,
            }
            (folder / f"{one.name}.figures.json").write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
            (folder / f"{one.name}.card.md").write_text(card.of(solution, one, seed=seed))
        self.say(f"Written to {folder}.")

    def _publish(
        self, person: User, solution: str, trained: list[TrainedModel], seed: int, options: dict[str, Any]
    ) -> list[ModelVersion]:
        versions = []
        for one in trained:
            try:
                version = publishing.upload(by=person, solution=solution, trained=one, seed=seed)
            except RegistryError as error:
                raise CommandError(f"{one.name}: {error.message} ({error.code})") from error
            self.say(f"{version} is uploaded.")
            versions.append(version)
        if options["wait"]:
            self._settle(person, versions, options)
        for version in versions:
            version.refresh_from_db()
        return versions

    def _settle(self, person: User, versions: list[ModelVersion], options: dict[str, Any]) -> None:
        def report(name: str, line: str) -> None:
            self.say(f"  {name}: {line}")

        if options["activate"]:
            problems = publishing.finish(
                by=person,
                versions=versions,
                report=report,
                timeout_seconds=options["wait"],
                note=f"Trained by `manage.py train {options['solution']}`.",
            )
        else:
            settled: list[ModelVersion] = []
            left = publishing.wait(
                versions=versions, report=report, timeout_seconds=options["wait"], settled=settled.append
            )
            problems = [f"{version} was not validated in time." for version in left]
            problems += [
                f"{version} failed: {(version.failure or {}).get('message')}"
                for version in settled
                if version.status == Status.FAILED
            ]
        if problems:
            raise CommandError("\n  ".join(["Not everything is ready:", *problems]))


def _beside(one: TrainedModel) -> dict[str, Any]:
    """What `manage.py importmodels` reads beside a model's file."""
    told = {"name": one.name, "task": one.task, "handler": one.handler, "description": one.description}
    facts = {**told, "sample": one.sample, "expected": one.expected, "metrics": one.as_metrics()}
    return {name: value for name, value in facts.items() if value}
