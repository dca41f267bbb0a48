"""manage.py moveartifacts --to s3|local"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from registry import moving, shared_store
from registry.errors import RegistryError


class Command(BaseCommand):
    help = "Copy all model files to the bucket, or back below VAR_DIR; safe to stop and to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", required=True, choices=[shared_store.S3, shared_store.LOCAL])

    def handle(self, *args: Any, to: str, **options: Any) -> None:
        try:
            found = moving.move(to=to, progress=self._show)
        except RegistryError as error:
            raise CommandError(f"{error.message} ({error.code})") from error
        except OSError as error:
            raise CommandError(f"{error.filename or 'A file'} can't be written: {error.strerror}.") from error
        self.stdout.write(f"{found.copied} files are copied, {found.present} were there.")
        if found.refused:
            raise CommandError(f"{len(found.refused)} files stay behind: {'; '.join(found.refused[:20])}")

    def _show(self, done: int, of: int, name: str) -> None:
        if self.stderr.isatty() or done % 100 == 0 or done == of:
            self.stderr.write(f"  {done} of {of} versions ({name})")
