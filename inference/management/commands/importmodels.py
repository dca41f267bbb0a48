"""manage.py importmodels DIR

Takes over a directory of exported models: each model file in it becomes a model, named as the file is
(`quality_predictor.torchscript`, `logo_classifier.onnx`, `correlation_models.pkl`). A file `<name>.json` beside it may
say more: name, task, handler, description, visibility, tags, version_tags, notes, sample, expected, metrics.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from accounts.models import User
from inference.management.model_command import ModelCommand, facts_of, read_json
from registry import selectors, services
from registry.management.people import find_person
from registry.models import ModelVersion

SUFFIXES = frozenset(
    {".onnx", ".pkl", ".pickle", ".joblib", ".torchscript", ".ts", ".pt", ".pth", ".pt2", ".ubj", ".bst", ".lgb"}
)
_SAID = frozenset(
    {"name", "task", "handler", "description", "visibility", "tags", "version_tags", "notes", "sample", "expected",
     "metrics"}
)  # fmt: skip


class Command(ModelCommand):
    help = "Upload every model file of a directory. Safe to repeat: a file that is there already is not uploaded again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path, metavar="DIR", help="The directory; those below it are not read.")
        parser.add_argument("--owner", default="", help="Who uploads (e-mail address); default: the only superuser.")
        parser.add_argument("--trusted", action="store_true", help="Let them be served natively if need be.")
        self.add_wait(parser)
        self.add_json(parser)

    def handle(self, *args: Any, directory: Path, **options: Any) -> None:
        self.begin(options)
        person = find_person(options["owner"])
        files = _model_files(directory)
        done: list[dict[str, Any]] = []
        problems: dict[str, str] = {}
        for file in files:
            try:
                done.append(self._one(file, person, options))
            except CommandError as error:
                problems[file.name] = str(error)
                self.stderr.write(f"{file.name}: {error}")
        self.answer({"models": done, "problems": problems})
        self.say(f"{len(done)} of {len(files)} models are here.")
        if problems:
            raise CommandError(f"{len(problems)} of {len(files)} files could not be imported.")

    def _one(self, file: Path, person: User, options: dict[str, Any]) -> dict[str, Any]:
        said = _said(file)
        self.say(f"{file.name}: model {said['name']}")
        with self.told(), self.opened(file) as opened:
            known = services.known_version(by=person, name=said["name"], file=opened)
        if known is not None:
            self.say(f"  is there already as {known}.")
        version = known or self._upload(file, said, person, options)
        if options["wait"] and (known is None or options["activate"]):
            self.wait_for(version, options["wait"])
        if options["activate"] and not selectors.live_version(version.model).filter(version=version).exists():
            self.activate(version, person, note=f"Imported from {file.name}.")
        return {**facts_of(version), "is_new": known is None}

    def _upload(self, file: Path, said: dict[str, Any], person: User, options: dict[str, Any]) -> ModelVersion:
        with self.told(), self.opened(file) as opened:
            return services.upload_version(
                by=person, file=opened, filename=file.name, trusted=options["trusted"], **said
            )


def _model_files(directory: Path) -> list[Path]:
    """The model files of a directory by name. Raises CommandError when there is none."""
    if not directory.is_dir():
        raise CommandError(f"{directory} is no directory.")
    files = sorted(path for path in directory.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES)
    if not files:
        raise CommandError(f"{directory} holds no model file ({', '.join(sorted(SUFFIXES))}).")
    return files


def _said(file: Path) -> dict[str, Any]:
    """What the file beside a model says of it; without one, its name. Raises CommandError."""
    beside = file.with_suffix(".json")
    said = read_json(beside) if beside.is_file() else {}
    if not isinstance(said, dict) or not set(said) <= _SAID:
        raise CommandError(f"{beside.name} takes an object with {', '.join(sorted(_SAID))}.")
    return {"name": file.stem.lower().replace(" ", "_"), **said}
