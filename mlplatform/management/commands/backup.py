"""manage.py backup PATH"""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mlplatform.backup import making
from mlplatform.backup.errors import BackupFailed
from mlplatform.backup.showing import Shown


class Command(BaseCommand):
    help = "Write the database, the model files and the spooled records of this running installation into one file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="The file to write, or a directory, which gets one named by time.")
        parser.add_argument("--without-artifacts", action="store_true", help="No model files: the bucket has its own.")
        parser.add_argument("--skip-damaged", action="store_true", help="Leave damaged model files out, and say so.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        if path.is_dir():
            path = path / f"mlplatform-{timezone.now():%Y%m%d-%H%M%S}.backup"
        try:
            manifest = making.make(
                path,
                progress=Shown(self.stderr),
                with_artifacts=not options["without_artifacts"],
                skip_damaged=options["skip_damaged"],
            )
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename or path} can't be read or written: {error.strerror}.") from error
        told = {
            "path": str(path),
            "bytes": path.stat().st_size,
            "seconds": manifest["seconds"],
            "rows": sum(manifest["counts"].values()),
            "files": len(manifest["files"]),
            "spool_files": len(manifest["spool"]),
            "left_out": manifest["left_out"],
        }
        if options["json"]:
            self.stdout.write(json.dumps(told, indent=2))
            return
        self.stdout.write(
            f"{path}: {told['bytes']:,} bytes, {told['rows']:,} rows, {told['files']} model files,"
            f" in {told['seconds']} s.\nSecrets are not in it: keep those apart. Test it with `restore --check {path}`."
        )
        for file in manifest["left_out"]:
            self.stdout.write(f"Left out: {file['path']} ({file['code']})")
