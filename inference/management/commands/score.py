"""manage.py score REF INPUT -o OUTPUT"""

import os
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from inference.batch import crews
from inference.bulk import files, planning, running
from inference.bulk.cluster import ClusterUnavailable
from inference.bulk.files import KINDS, FileUnreadable, Kind
from inference.bulk.folder import Folder
from inference.errors import ModelExecutionFailed, ModelTooLarge, RuntimeUnavailable
from inference.management.model_command import ModelCommand
from inference.signature import Signature
from registry import resolver
from registry.management.people import find_person
from registry.resolver import Served

_SHOW_EVERY_SECONDS = 0.5
_WRONG = (FileUnreadable, ClusterUnavailable, ModelTooLarge, RuntimeUnavailable, ModelExecutionFailed)


class Command(ModelCommand):
    help = "Scores a file (CSV, JSON lines, Parquet) with a version, here and now. Stopped, it goes on where it was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference", metavar="REF", help="churn, churn:3, churn@3 or churn@production.")
        parser.add_argument("input", type=Path, metavar="INPUT", help="The file to score.")
        parser.add_argument("-o", "--output", type=Path, required=True, help="Where the results go.")
        parser.add_argument("--format", choices=KINDS, help="Of the results; default: by OUTPUT's ending.")
        parser.add_argument("--input-format", choices=KINDS, help="Of INPUT; default: found out.")
        parser.add_argument("--threads", type=int, default=0, help="Default: BATCH_THREADS, else one for each core.")
        parser.add_argument("--as", dest="who", default="", help="Who asks (e-mail); default: the only superuser.")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        self.begin(options)
        source, target = options["input"], options["output"]
        with self.told():
            served = resolver.resolve(_reference(options["reference"]), user=find_person(options["who"]))
        try:
            kind = options["input_format"] or files.recognise(source, source.name)
            results = options["format"] or files.by_ending(target.name) or kind
            self._score(served, source, target, kind, results, options["threads"])
        except _WRONG as error:
            code = getattr(error, "code", type(error).__name__)
            raise CommandError(f"{source}: {getattr(error, 'message', error)} ({code})") from error
        except OSError as error:
            raise CommandError(f"{error.filename or source}: {error.strerror}.") from error

    def _score(self, served: Served, source: Path, target: Path, kind: Kind, results: Kind, count: int) -> None:
        signature = Signature.from_dict(served.signature)
        folder = Folder(target.with_name(f"{target.name}.parts"), kind=results, signature=signature)
        seen = source.stat()
        facts = {
            "sha256": served.sha256,
            "input": [str(source.resolve()), seen.st_size, seen.st_mtime_ns, kind],
        }
        plan = folder.plan(facts, lambda: planning.plan(source, kind, signature))
        done = folder.finished()
        if done:
            self.say(f"Going on: {len(done)} of {len(plan.parts)} parts are done.")
        if plan.ignored:
            self.say(f"Columns the model does not have are ignored: {', '.join(plan.ignored)}")
        rows, failed = (sum(getattr(part, name) for part in done.values()) for name in ("rows", "failed"))
        begun, before, shown_at = time.monotonic(), rows, 0.0
        wanted = [part for part in plan.parts if part.number not in done]
        if wanted:
            name = f"score-{os.getpid()}-{time.time_ns()}"
            crew = crews.crew(served, plan, results, name=name, threads=count)
            for part in running.run(source, plan, wanted, crew, folder):
                rows, failed = rows + part.rows, failed + part.failed
                if time.monotonic() - shown_at >= _SHOW_EVERY_SECONDS or rows == plan.rows:
                    shown_at = time.monotonic()
                    self._show(rows, plan.rows, (rows - before) / max(shown_at - begun, 1e-9))
        size = folder.assemble(target)
        folder.remove()
        name = f"{served.model_name}:{served.number}"
        self.say(f"{target}: {rows:,} rows by {name}, {failed:,} of them without answer.")
        self.answer(
            {"model": served.model_name, "version": served.number, "rows": rows, "failed": failed, "bytes": size}
        )

    def _show(self, done: int, of: int, rate: float) -> None:
        """One line that is written over, on a terminal only."""
        if self.stderr.isatty():
            left = (of - done) / rate if rate else 0.0
            text = f"\r{done:,} of {of:,} rows, {rate:,.0f} per second, {left:,.0f} s left   "
            self.stderr.write(text, ending="\n" if done == of else "")


def _reference(text: str) -> str:
    """`churn@3` means `churn:3`, as people who come from elsewhere write it."""
    name, _, version = text.rpartition("@")
    return f"{name}:{version}" if name and version.isascii() and version.isdigit() else text
