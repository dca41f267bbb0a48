"""`manage.py benchmark`: how fast the platform serves its models, and whether that keeps the promises."""

import contextlib
import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.errors import AccountsError
from mlplatform import stopping
from mlplatform.benchmark import report, target
from mlplatform.benchmark.bench import Bench, Effort
from mlplatform.benchmark.cold_load import ColdLoadFailed
from mlplatform.benchmark.link import Address
from mlplatform.benchmark.load import Question
from mlplatform.benchmark.questions import NothingToAsk, Subject, questions, subject
from mlplatform.benchmark.requirements import Requirements, RequirementUnknown
from mlplatform.benchmark.target import Target, TargetUnusable
from registry import resolver
from registry.errors import RegistryError
from registry.management.people import find_person
from registry.models import Deployment, ModelVersion

_BAR_WIDTH = 24
_REDRAW_SECONDS = 0.1


class Command(BaseCommand):
    help = (
        "Measures loading, predictions, concurrency, throughput, cache and memory over real HTTP, and exits with 1 "
        "when a requirement is missed. Without --url it starts a server of its own over the same data, and stops it. "
        "The predictions it makes are recorded like any other."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--model", action="append", default=[], metavar="REF",
            help="What to measure: `name` or `name:version`. May be given several times; default: all that is live.",
        )  # fmt: skip
        parser.add_argument("--url", help="A running server over this installation's database; needs --key.")
        parser.add_argument("--key", help="An API key with the scope predict, for --url.")
        parser.add_argument("--by", default="", help="Whose key to use without --url; default: the only superuser.")
        parser.add_argument(
            "--workers", type=int, help=f"Serving processes without --url (WORKERS, {settings.WORKERS})."
        )
        parser.add_argument(
            "--section", action="append", default=[], choices=list(report.SECTIONS), metavar="SECTION",
            help=f"Only this one; may be given several times. One of {', '.join(report.SECTIONS)}.",
        )  # fmt: skip
        parser.add_argument(
            "--require", action="append", default=[], metavar="NAME=NUMBER",
            help=f"Another limit than the settings BENCHMARK_… say. {', '.join(Requirements.__slots__)}.",
        )  # fmt: skip
        parser.add_argument("--connections", type=int, default=16, help="Clients of the load (%(default)s).")
        parser.add_argument("--seconds", type=float, default=3.0, help="How long each load lasts (%(default)s).")
        parser.add_argument("--predictions", type=int, default=100, help="Single predictions per model (%(default)s).")
        parser.add_argument(
            "--load-runs", type=int, default=5, help="Fresh processes that load all models (%(default)s)."
        )
        parser.add_argument("--json", action="store_true", help="Print the whole report as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        self._drawn_at = 0.0
        with stopping.on_signal(stopping.interrupt_once()):
            try:
                found = self._measure(options)
            except KeyboardInterrupt:
                raise CommandError("The benchmark was stopped.", returncode=130) from None
            except (NothingToAsk, RequirementUnknown, TargetUnusable, ColdLoadFailed) as error:
                raise CommandError(str(error)) from error
            except (RegistryError, AccountsError) as error:
                raise CommandError(f"{error.message} ({error.code})") from error
            finally:
                self._wipe()
        self.stdout.write(json.dumps(found, indent=2) if options["json"] else report.table(found))
        if not found["meets_requirements"]:
            missed = sum(line["meets_requirement"] is False for line in found["promises"])
            raise CommandError(f"{missed} of {len(found['promises'])} promises are missed.")

    def _measure(self, options: dict[str, Any]) -> dict[str, Any]:
        requirements = Requirements.from_settings().with_changes(options["require"])
        effort = _effort(options)
        subjects = [subject(version) for version in _versions(options)]
        with self._target(subjects[0], options) as measured:
            bench = Bench(subjects, measured, requirements, effort, self._show)
            return report.run(bench, options["section"])

    @contextlib.contextmanager
    def _target(self, first: Subject, options: dict[str, Any]) -> Iterator[Target]:
        if bool(options["url"]) != bool(options["key"]):
            raise CommandError("--url and --key go together.")

        def first_question(address: Address) -> Question:
            return questions(first, address, key, use_cache=False)[0]

        if options["url"]:
            key = options["key"]
            yield target.running(options["url"], key, first=first_question)
            return
        if settings.PRODUCTION:
            raise CommandError("In production, measure the server that runs: --url and --key.")
        with target.temporary_key(by=find_person(options["by"])) as key:
            self._show("starting a web server", 0.0)
            with target.started(key=key, workers=options["workers"], first=first_question) as server:
                yield server

    def _show(self, what: str, share: float) -> None:
        """One line that is written over, on a terminal only."""
        now = time.monotonic()
        if not self.stderr.isatty() or now - self._drawn_at < _REDRAW_SECONDS:
            return
        self._drawn_at = now
        filled = round(_BAR_WIDTH * share)
        self.stderr.write(f"\r\033[K{'█' * filled}{'░' * (_BAR_WIDTH - filled)}  {what}", ending="")
        self.stderr.flush()

    def _wipe(self) -> None:
        if self.stderr.isatty():
            self.stderr.write("\r\033[K", ending="")


def _effort(options: dict[str, Any]) -> Effort:
    chosen = Effort(
        load_runs=options["load_runs"],
        predictions=options["predictions"],
        connections=options["connections"],
        seconds=options["seconds"],
    )
    if min(chosen.load_runs, chosen.predictions, chosen.connections) < 1 or not 0 < chosen.seconds <= 3600:
        raise CommandError("--load-runs, --predictions and --connections are at least 1, --seconds is above 0.")
    return chosen


def _versions(options: dict[str, Any]) -> list[ModelVersion]:
    """Those named, else all that is live. Raises RegistryError, CommandError."""
    if not options["model"]:
        entries = Deployment.objects.filter(closed_at=None, model__archived_at=None).select_related("version__model")
        live = [entry.version for entry in entries.order_by("model__name")]
        if not live:
            raise CommandError("No model is live. Name one with --model, or activate one.")
        return live
    person = find_person(options["by"])
    found = [resolver.resolve(reference, user=person).version_id for reference in options["model"]]
    versions = ModelVersion.objects.select_related("model").in_bulk(found)
    return [versions[number] for number in dict.fromkeys(found)]
