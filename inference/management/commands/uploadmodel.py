"""manage.py uploadmodel FILE --name NAME

Lives here, not in the registry, because `--activate` asks the serving processes.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from accounts.models import User
from inference.management.model_command import ModelCommand, facts_of, read_json
from registry import services
from registry.management.people import find_person
from registry.models import ModelVersion, Task, Visibility

_TEXTS = ("name", "task", "handler", "description", "visibility", "notes", "sha256", "trusted")
_DOCUMENTS = ("sample", "expected", "metrics")


class Command(ModelCommand):
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
        parser.add_argument(
            "--metrics",
            type=Path,
            help="A JSON file: evaluation metrics, an object of names and numbers or a list of name, value, dataset.",
        )
        parser.add_argument(
            "--tag", dest="tags", action="append", metavar="TAG", help="A tag of the model; repeatable."
        )
        parser.add_argument(
            "--version-tag",
            dest="version_tags",
            action="append",
            metavar="TAG",
            help="A tag of the version; repeatable.",
        )
        parser.add_argument("--notes", default="", help="About this version.")
        parser.add_argument("--sha256", default="", help="Refuse the file unless it has this digest.")
        parser.add_argument("--trusted", action="store_true", help="Let it be served natively if it can't be compiled.")
        self.add_wait(parser)
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        self.begin(options)
        person = find_person(options["owner"])
        version = self._upload(person, options)
        self.say(f"{version} is uploaded.")
        if options["wait"]:
            self.wait_for(version, options["wait"])
        if options["activate"]:
            self.activate(version, person)
        self.answer({**facts_of(version), "is_active": options["activate"]})

    def _upload(self, person: User, options: dict[str, Any]) -> ModelVersion:
        chosen = {name: options[name] for name in (*_TEXTS, "tags", "version_tags")}
        documents = {name: read_json(options[name]) for name in _DOCUMENTS}
        with self.told(), self.opened(options["file"]) as file:
            return services.upload_version(by=person, file=file, filename=options["file"].name, **chosen, **documents)
