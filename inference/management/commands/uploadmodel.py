"""manage.py uploadmodel FILE --name NAME

Lives here, not in the registry, because `--activate` asks the serving processes.
"""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.management.base import BaseCommand, CommandError

from accounts import strict_json
from accounts.errors import BodyMalformed, BodyValueInvalid
from accounts.models import User
from inference import activation
from inference.errors import ActivationFailed
from registry import services
from registry.errors import RegistryError
from registry.management.people import find_person
from registry.models import ModelVersion, Status, Task, Visibility

_LOOK_EVERY_SECONDS = 0.2
_BAR_WIDTH = 30
_UNFINISHED = (Status.PENDING, Status.VALIDATING)


class Command(BaseCommand):
    help = "Upload a model file as the next version of a model; the job runner validates it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", type=Path, metavar="FILE", help="ONNX, or scikit-learn saved with joblib or pickle."
        )
        parser.add_argument("--name", required=True, help="The model; created when it doesn't exist.")
        parser.add_argument("--owner", default="", help="Who uploads it (e-mail address); default: the only superuser.")
        parser.add_argument(
            "--task",
            default="",
            choices=["", *Task.values],
            metavar="TASK",
            help=f"{' or '.join(Task.values)}; found out when left out.",
        )
        parser.add_argument(
            "--handler",
            default="",
            choices=["", "tabular", "text", "tensor"],
            metavar="HANDLER",
            help="tabular, text or tensor; found out when left out.",
        )
        parser.add_argument("--description", default="", help="What the model is for.")
        parser.add_argument(
            "--visibility",
            default="",
            choices=["", *Visibility.values],
            metavar="VISIBILITY",
            help="private (default) or internal; for a new model.",
        )
        parser.add_argument("--sample", type=Path, help="A JSON file: rows to prove the model with.")
        parser.add_argument(
            "--expected", type=Path, help="A JSON file: the prediction expected for each row of the sample."
        )
        parser.add_argument("--metrics", type=Path, help="A JSON file: evaluation metrics, name to number.")
        parser.add_argument("--trusted", action="store_true", help="Let it be served natively if it can't be compiled.")
        parser.add_argument(
            "--wait",
            type=float,
            default=300.0,
            metavar="SECONDS",
            help="How long to wait for the validation (default 300; 0: don't).",
        )
        parser.add_argument("--activate", action="store_true", help="Activate it when it is ready.")

    def handle(self, *args: Any, **options: Any) -> None:
        person = find_person(options["owner"])
        if options["activate"] and not options["wait"]:
            raise CommandError("--activate needs --wait: a version must be ready first.")
        version = self._upload(person, options)
        self.stdout.write(f"{version} is uploaded.")
        if options["wait"]:
            self._wait(version, options["wait"])
        if options["activate"]:
            self._activate(version, person)

    def _upload(self, person: User, options: dict[str, Any]) -> ModelVersion:
        chosen = {name: options[name] for name in ("name", "task", "handler", "description", "visibility", "trusted")}
        documents = {name: _json(options[name]) for name in ("sample", "expected", "metrics")}
        try:
            with options["file"].open("rb") as file:
                counted = cast(BinaryIO, _Counted(file, options["file"].stat().st_size, self._show))
                return services.upload_version(
                    by=person, file=counted, filename=options["file"].name, **chosen, **documents
                )
        except OSError as error:
            raise CommandError(f"{options['file']} can't be read: {error.strerror}.") from error
        except RegistryError as error:
            raise CommandError(f"{error.message} ({error.code})") from error

    def _wait(self, version: ModelVersion, seconds: float) -> None:
        """Show the steps until it ends. Raises CommandError when it fails or takes too long."""
        deadline, shown = time.monotonic() + seconds, ""
        while version.status in _UNFINISHED:
            if time.monotonic() > deadline:
                raise CommandError(
                    f"{version} is still {version.status} after {seconds:g} s. "
                    "Is the job runner running (manage.py runjobs)?"
                )
            step = str((version.progress or {}).get("step") or "waiting for the job runner")
            if step != shown:
                self.stdout.write(f"  {step}")
                shown = step
            time.sleep(_LOOK_EVERY_SECONDS)
            version.refresh_from_db()
        if version.status == Status.FAILED:
            failure = version.failure or {}
            raise CommandError(f"{version} failed: {failure.get('message')} ({failure.get('code')})")
        self.stdout.write(f"{version} is {version.status}, served by {version.runtime}.")

    def _activate(self, version: ModelVersion, person: User) -> None:
        try:
            activation.activate(version=version, by=person)
        except (RegistryError, ActivationFailed) as error:
            raise CommandError(f"{version} was not activated: {error.message} ({error.code})") from error
        self.stdout.write(f"{version} is live.")

    def _show(self, done: int, of: int) -> None:
        """The bar of the copy, on a terminal only."""
        if self.stderr.isatty():
            filled = _BAR_WIDTH * done // max(of, 1)
            self.stderr.write(
                f"\r  copying [{'#' * filled}{'.' * (_BAR_WIDTH - filled)}] {100 * done // max(of, 1)} %",
                ending="\n" if done >= of else "",
            )


class _Counted:
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO, size: int, show: Any) -> None:
        self._file, self._size, self._show = file, size, show

    def read(self, count: int = -1) -> bytes:
        piece = self._file.read(count)
        if piece:
            self._show(self._file.tell(), self._size)
        return piece


def _json(path: Path | None) -> Any:
    """What a JSON file holds; None without one. Raises CommandError."""
    if path is None:
        return None
    try:
        return strict_json.loads(path.read_bytes())
    except OSError as error:
        raise CommandError(f"{path} can't be read: {error.strerror}.") from error
    except (BodyMalformed, BodyValueInvalid) as error:
        raise CommandError(f"{path}: {error.message} ({error.code})") from error
