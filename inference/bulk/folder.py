"""Where the work on one file lies: its plan, and a file of results for each part that is finished.

A part's file is written beside its place and renamed, so it is there whole or not at all, and one that is written twice
is the same. The name carries the counts: `00000012.50000.3.part` is part 12 with 50,000 rows, 3 of them without answer.
"""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from inference.bulk import arrow, writing
from inference.bulk.files import Kind, Plan
from inference.bulk.scoring import Scored
from inference.signature import Signature

_NAME = re.compile(r"([0-9]{8})\.([0-9]+)\.([0-9]+)\.part")
_PLAN = "plan.json"
# What is copied at once: small enough to stay in the processor's cache.
_BITE = 128 << 10


class Finished(NamedTuple):
    """A part that is done."""

    number: int
    rows: int
    failed: int


class Folder:
    """The work on one file with one version; `facts` say which, so that other work does not go on with its parts."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def plan(self, facts: dict[str, Any], make: Callable[[], Plan]) -> Plan:
        """The plan that was made for these facts before, or a new one and no parts."""
        target = self.path / _PLAN
        try:
            known = orjson.loads(target.read_bytes())
            if known["facts"] == facts:
                return Plan.from_dict(known["plan"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # there is none, or none of this release
        made = make()
        self.remove()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(target, orjson.dumps({"facts": facts, "plan": made.to_dict()}))
        return made

    def keep(self, scored: Scored) -> Finished:
        """Write a part's results."""
        _write(self.path / f"{scored.number:08d}.{scored.rows}.{scored.failed}.part", scored.content)
        return Finished(scored.number, scored.rows, scored.failed)

    def finished(self) -> dict[int, Finished]:
        """What is done, by the part's number."""
        matches = (_NAME.fullmatch(name) for name in os.listdir(self.path))
        found = (Finished(*map(int, match.groups())) for match in matches if match)
        return {part.number: part for part in found}

    def assemble(self, target: Path, *, kind: Kind, signature: Signature) -> int:
        """All parts in order as one file, which replaces `target` when it is whole; returns its size in bytes."""
        paths = [self.path / f"{p.number:08d}.{p.rows}.{p.failed}.part" for _, p in sorted(self.finished().items())]
        draft = target.with_name(f".{target.name}.{os.getpid()}.draft")
        try:
            if kind == "parquet":
                arrow.join(paths, draft)
            else:
                with draft.open("wb") as joined:
                    joined.write(writing.header(signature, kind))
                    for path in paths:
                        with path.open("rb") as part:
                            shutil.copyfileobj(part, joined, _BITE)
            with draft.open("rb") as joined:
                os.fsync(joined.fileno())
            size = draft.stat().st_size
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)
        return size

    def remove(self) -> None:
        """Drop everything."""
        shutil.rmtree(self.path, ignore_errors=True)


def _write(target: Path, content: bytes) -> None:
    draft = target.with_name(f".{target.name}.{os.getpid()}.draft")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
