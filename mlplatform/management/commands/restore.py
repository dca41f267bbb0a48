"""manage.py restore FILE"""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mlplatform.backup import archive, restoring
from mlplatform.backup.errors import BackupFailed
from mlplatform.backup.showing import Shown


class Command(BaseCommand):
    help = "Make this installation, which must be empty, the one that a backup was made of."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", metavar="FILE", type=Path)
        parser.add_argument("--check", action="store_true", help="Only read the file through; change nothing.")
        parser.add_argument("--replace", action="store_true", help="Delete what is in this installation's database.")
        parser.add_argument("--other-secrets", action="store_true", help="Go on with secrets that don't belong to it.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        shown = Shown(self.stderr)
        try:
            if options["check"]:
                with archive.reading(path) as opened:
                    opened.verify(shown)
                    made, rows = opened.manifest["created_at"], sum(opened.manifest["counts"].values())
                self.stdout.write(f"{path} is whole: made {made}, {rows:,} rows.")
                return
            found = restoring.restore(
                path, progress=shown, replace=options["replace"], other_secrets=options["other_secrets"]
            )
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename or path} can't be read or written: {error.strerror}.") from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found), indent=2))
        else:
            self.stdout.write(
                f"{sum(found.counts.values()):,} rows and {found.files} model files are back,"
                f" {found.spooled_records} records were still spooled; {found.live_models} models are live."
                f" {found.seconds} s."
            )
        if found.problems:
            raise CommandError("; ".join(found.problems[:20]))
