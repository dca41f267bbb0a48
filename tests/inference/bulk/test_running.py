"""Parts come back in any order, are kept in theirs, and never more of them are on their way than there are slots."""

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from inference.bulk import planning, running, writing
from inference.bulk.files import Part
from inference.bulk.folder import Folder
from inference.bulk.scoring import Scored
from inference.signature import Signature
from tests import toys

ORACLE = Signature.from_dict(toys.ORACLE_SIGNATURE)


class Backwards:
    """Does nothing until all its slots are taken or no part is left, and then begins with the last but one."""

    slots = 3

    def __init__(self, parts: int) -> None:
        self.left, self.taken, self.most, self.is_closed = parts, 0, 0, False
        self._waiting: list[tuple[Part, bytes, Future[Scored]]] = []

    def submit(self, part: Part, content: bytes) -> Future[Scored]:
        future: Future[Scored] = Future()
        self._waiting.append((part, content, future))
        self.left, self.taken = self.left - 1, self.taken + 1
        self.most = max(self.most, self.taken)
        if len(self._waiting) == self.slots or not self.left:
            for one, its_content, its_future in reversed(self._waiting):
                its_future.set_result(Scored(one.number, its_content, one.rows, 0))
            self._waiting.clear()
        return future

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 20])
def test_parts_are_kept_in_order_and_memory_is_bounded(tmp_path: Path, monkeypatch: Any, rows: int) -> None:
    monkeypatch.setattr(planning, "PART_ROWS", 1)
    path, target = tmp_path / "rows.csv", tmp_path / "results.csv"
    body = "".join(f"{at},0\n" for at in range(rows))
    path.write_text("x,y\n" + body)
    folder = Folder(tmp_path / "parts", kind="csv", signature=ORACLE)
    plan = folder.plan({}, lambda: planning.plan(path, "csv", ORACLE))
    crew = Backwards(rows)
    kept = []
    for part in running.run(path, plan, plan.parts, crew, folder):
        crew.taken -= 1
        kept.append(part.number)
    assert kept == list(range(rows))
    assert crew.most <= crew.slots
    assert crew.is_closed
    folder.assemble(target)
    assert target.read_bytes() == writing.header(ORACLE, "csv") + body.encode()
