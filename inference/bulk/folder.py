"""Where the work on one file lies: its plan, and the results of the parts that are finished.

Whoever works on it appends results to a file of his own, and tells in a journal beside it which part lies where, once
that is on the disk. What a journal tells of is never written again: a process may be killed anywhere, and two that work
on the same parts do not disturb each other. Where one did it all, in order, its file is the file of results.
"""

import os
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from inference.bulk import arrow, writing
from inference.bulk.files import Kind, Plan
from inference.bulk.scoring import Scored
from inference.signature import Signature

_PLAN = "plan.json"
# What another release has left is not gone on with.
_LAYOUT = 2


class Finished(NamedTuple):
    """A part that is done, and which bytes of which file in the folder are its results."""

    number: int
    rows: int
    failed: int
    file: str
    begin: int
    end: int


class Folder:
    """The work on one file with one version, for results of one kind."""

    def __init__(self, path: Path, *, kind: Kind, signature: Signature) -> None:
        self.path, self._kind = path, kind
        self._header = writing.header(signature, kind)
        self._own = uuid.uuid4().hex

    def plan(self, facts: dict[str, Any], make: Callable[[], Plan]) -> Plan:
        """The plan that was made for these facts before, or a new one and no parts.

        facts: the file and the version, so that other work does not go on with what lies here.
        """
        target = self.path / _PLAN
        facts = facts | {"results": self._kind, "layout": _LAYOUT}
        try:
            known = orjson.loads(target.read_bytes())
            if known["facts"] == facts:
                return Plan.from_dict(known["plan"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # there is none, or none of this release
        made = make()
        self.remove()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = target.with_name(f"{self._own}.plan")
        draft.write_bytes(orjson.dumps({"facts": facts, "plan": made.to_dict()}))
        os.replace(draft, target)
        return made

    def keep(self, scored: Sequence[Scored]) -> list[Finished]:
        """Write the results of some parts, all with one wait for the disk."""
        kept = []
        with self._results(self._own).open("ab") as results:
            if results.tell() == 0:
                results.write(self._header)
            for one in scored:
                begin = results.tell()
                results.write(one.content)
                kept.append(Finished(one.number, one.rows, one.failed, self._own, begin, results.tell()))
            results.flush()
            os.fsync(results.fileno())
        with self.path.joinpath(f"{self._own}.journal").open("a") as journal:
            journal.writelines(f"{p.number} {p.rows} {p.failed} {p.begin} {p.end}\n" for p in kept)
        return kept

    def finished(self) -> dict[int, Finished]:
        """What is done, by the part's number."""
        found: dict[int, Finished] = {}
        for journal in self.path.glob("*.journal"):
            lines = journal.read_text().split("\n")[:-1]  # a last one without its end is none
            for number, rows, failed, begin, end in (map(int, line.split()) for line in lines):
                found[number] = Finished(number, rows, failed, journal.stem, begin, end)
        return found

    def assemble(self, target: Path) -> int:
        """All parts in order as one file, which replaces `target` when it is whole; returns its size in bytes."""
        parts = [part for _, part in sorted(self.finished().items())]
        draft = target.with_name(f".{target.name}.{self._own}.draft")
        try:
            if not self._is_one_file(parts) or not _linked(self._results(parts[0].file), draft):
                self._join(parts, draft)
            size = draft.stat().st_size
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)
        return size

    def remove(self) -> None:
        """Drop everything."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _results(self, name: str) -> Path:
        return self.path / f"{name}.results"

    def _is_one_file(self, parts: list[Finished]) -> bool:
        if self._kind == "parquet":
            return False  # what a part leaves there is a file in itself
        at = len(self._header)
        for part in parts:
            if (part.file, part.begin) != (parts[0].file, at):
                return False
            at = part.end
        return self._results(parts[0].file).stat().st_size == at

    def _join(self, parts: list[Finished], draft: Path) -> None:
        contents = map(self._content, parts)
        if self._kind == "parquet":
            arrow.join(contents, draft)
        else:
            with draft.open("wb") as joined:
                joined.write(self._header)
                joined.writelines(contents)
        with draft.open("rb") as joined:
            os.fsync(joined.fileno())

    def _content(self, part: Finished) -> bytes:
        with self._results(part.file).open("rb") as results:
            results.seek(part.begin)
            return results.read(part.end - part.begin)


def _linked(path: Path, target: Path) -> bool:
    try:
        os.link(path, target)
    except OSError:
        return False  # another disk, or one without second names
    return True
