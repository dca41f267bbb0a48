"""What the commands that upload and activate share: who acts, waiting for a verdict, progress, JSON for scripts."""

import json
import logging
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.management.base import BaseCommand, CommandError

from accounts import strict_json
from accounts.errors import BodyMalformed, BodyValueInvalid
from accounts.models import User
from inference import activation
from inference.errors import ActivationFailed
from registry.errors import RegistryError
from registry.models import Deployment, ModelVersion, Status

_LOOK_EVERY_SECONDS = 0.2
_BAR_WIDTH = 30
_UNFINISHED = (Status.PENDING, Status.VALIDATING)


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


class ModelCommand(BaseCommand):
    """With `--json` the only thing on standard output is one JSON object; the story goes to nowhere."""

    is_json = False

    def add_json(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object instead of lines for people.")

    def add_wait(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--wait",
            type=float,
            default=300.0,
            metavar="SECONDS",
            help="How long to wait for each validation (default 300; 0: don't).",
        )
        parser.add_argument("--activate", action="store_true", help="Activate what is ready.")

    def begin(self, options: dict[str, Any]) -> None:
        """Look at the shared options. Raises CommandError when they contradict each other."""
        self.is_json = options["json"]
        if options.get("activate") and not options["wait"]:
            raise CommandError("--activate needs --wait: a version must be ready first.")

    def say(self, text: str) -> None:
        """A line for people."""
        if not self.is_json:
            self.stdout.write(text)

    def answer(self, facts: dict[str, Any]) -> None:
        """The one object for scripts."""
        if self.is_json:
            self.stdout.write(json.dumps(facts, indent=2))

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Only warnings are logged meanwhile: the command tells the story itself."""
        handlers = list(logging.getLogger().handlers)
        for handler in handlers:
            handler.addFilter(_is_warning)
        try:
            yield
        finally:
            for handler in handlers:
                handler.removeFilter(_is_warning)

    @contextmanager
    def told(self, before: str = "") -> Iterator[None]:
        """Turns a domain error into the command's own, with its code."""
        try:
            yield
        except (RegistryError, ActivationFailed) as error:
            raise CommandError(f"{before}{error.message} ({error.code})") from error

    @contextmanager
    def opened(self, path: Path) -> Iterator[BinaryIO]:
        """A file to upload, with a bar on a terminal. Raises CommandError when it can't be read."""
        try:
            with path.open("rb") as file:
                yield cast(BinaryIO, Counted(file, path.stat().st_size, self.show_bar))
        except OSError as error:
            raise CommandError(f"{path} can't be read: {error.strerror}.") from error

    def wait_for(self, version: ModelVersion, seconds: float) -> None:
        """Show the steps until validation ends. Raises CommandError when it fails or takes too long."""
        deadline, shown = time.monotonic() + seconds, ""
        while version.status in _UNFINISHED:
            if time.monotonic() > deadline:
                raise CommandError(
                    f"{version} is still {version.status} after {seconds:g} s. "
                    "Is the job runner running (manage.py runjobs)?"
                )
            step = str((version.progress or {}).get("step") or "waiting for the job runner")
            if step != shown:
                self.say(f"  {step}")
                shown = step
            time.sleep(_LOOK_EVERY_SECONDS)
            version.refresh_from_db()
        if version.status == Status.FAILED:
            failure = version.failure or {}
            raise CommandError(f"{version} failed: {failure.get('message')} ({failure.get('code')})")
        self.say(f"{version} is {version.status}, served by {version.runtime}.")

    def activate(self, version: ModelVersion, person: User, *, note: str = "") -> Deployment:
        """Make a ready version live. Raises CommandError."""
        with self.told(f"{version} was not activated: "):
            entry = activation.activate(version=version, by=person, note=note, progress=self.show_warm)
        self.say(f"{entry.version} is live.")
        return entry

    def show_warm(self, done: int, of: int) -> None:
        """One line that is written over, on a terminal only."""
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} of {of} serving processes are warm", ending="\n" if done == of else "")

    def show_bar(self, done: int, of: int) -> None:
        """The bar of a copy, on a terminal only."""
        if self.stderr.isatty():
            filled = _BAR_WIDTH * done // max(of, 1)
            self.stderr.write(
                f"\r  copying [{'#' * filled}{'.' * (_BAR_WIDTH - filled)}] {100 * done // max(of, 1)} %",
                ending="\n" if done >= of else "",
            )


class Counted:
    """A file that tells how much of it was read."""

    def __init__(self, file: Any, size: int, show: Any) -> None:
        self._file, self._size, self._show, self._done = file, size, show, 0

    def read(self, count: int = -1) -> bytes:
        piece: bytes = self._file.read(count)
        if piece:
            self._done += len(piece)
            self._show(self._done, self._size)
        return piece


def read_json(path: Path | None) -> Any:
    """What a JSON file holds; None without one. Raises CommandError."""
    if path is None:
        return None
    try:
        return strict_json.loads(path.read_bytes())
    except OSError as error:
        raise CommandError(f"{path} can't be read: {error.strerror}.") from error
    except (BodyMalformed, BodyValueInvalid) as error:
        raise CommandError(f"{path}: {error.message} ({error.code})") from error


def facts_of(version: ModelVersion) -> dict[str, Any]:
    """A version as scripts want it."""
    return {
        "model": version.model.name,
        "version": version.number,
        "status": version.status,
        "runtime": version.runtime,
        "sha256": version.sha256,
        "failure": version.failure,
    }


def facts_of_entry(entry: Deployment) -> dict[str, Any]:
    """An entry of the ledger as scripts want it."""
    return {
        "deployment_id": entry.pk,
        "model": entry.version.model.name,
        "version": entry.version.number,
        "previous_version": entry.previous_version_number(),
        "activated_at": entry.activated_at.isoformat(),
        "proof": entry.proof,
    }
