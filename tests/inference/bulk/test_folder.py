"""Results are kept so that whatever is killed, and whoever works on the same, the file holds each part once."""

import io
import os
from pathlib import Path
from typing import Any

import pytest

from inference.bulk import folder as folders
from inference.bulk import writing
from inference.bulk.files import Part, Plan
from inference.bulk.folder import Folder
from inference.bulk.scoring import Scored
from inference.signature import Signature
from tests import toys
from tests.standing_in import stand_in

ORACLE = Signature.from_dict(toys.ORACLE_SIGNATURE)
HEADER = writing.header(ORACLE, "csv")
PARTS = [Scored(at, f"{at + 1},{at / 3},,,\n".encode(), 1, 0) for at in range(6)]
WHOLE = HEADER + b"".join(part.content for part in PARTS)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "results.csv"


def opened(tmp_path: Path, kind: Any = "csv") -> Folder:
    """The folder as one more process sees it."""
    folder = Folder(tmp_path / "parts", kind=kind, signature=ORACLE)
    folder.plan({}, lambda: Plan("csv", 6, tuple(Part(at, 0, 0, at, 1, at + 2) for at in range(6))))
    return folder


def test_what_one_process_kept_in_order_is_the_file_and_is_not_written_again(tmp_path: Path, target: Path) -> None:
    folder = opened(tmp_path)
    assert [part.number for part in folder.keep(PARTS[:4])] == [0, 1, 2, 3]
    folder.keep(PARTS[4:])
    assert folder.assemble(target) == len(WHOLE)
    assert target.read_bytes() == WHOLE
    (kept,) = folder.path.glob("*.results")
    assert os.path.samefile(kept, target)
    assert folder.assemble(target) == len(WHOLE)  # killed behind it, a second one does it again
    assert target.read_bytes() == WHOLE


def test_where_files_have_no_second_names_it_is_copied(tmp_path: Path, target: Path, monkeypatch: Any) -> None:
    def refused(*_: Any) -> None:
        raise PermissionError

    stand_in(monkeypatch, folders, "os", link=refused)
    folder = opened(tmp_path)
    folder.keep(PARTS)
    folder.assemble(target)
    assert target.read_bytes() == WHOLE


def test_what_was_cut_off_by_a_kill_is_not_counted(tmp_path: Path, target: Path) -> None:
    killed = opened(tmp_path)
    killed.keep(PARTS[:3])
    (results,) = killed.path.glob("*.results")
    with results.open("ab") as file:
        file.write(PARTS[3].content)
    with results.with_suffix(".journal").open("a") as journal:
        journal.write("3 1 0 4")
    second = opened(tmp_path)
    assert sorted(second.finished()) == [0, 1, 2]
    second.keep(PARTS[3:])
    second.assemble(target)
    assert target.read_bytes() == WHOLE


def test_two_that_work_on_the_same_parts_do_not_disturb_each_other(tmp_path: Path, target: Path) -> None:
    one, other = opened(tmp_path), opened(tmp_path)
    one.keep(PARTS[:2])
    other.keep([part._replace(content=b"9" + part.content) for part in PARTS[1:4]])
    one.keep(PARTS[2:5])
    other.keep(PARTS[4:])
    one.assemble(target)
    lines = target.read_bytes().removeprefix(HEADER).splitlines()
    assert len(lines) == 6
    assert all(line.removeprefix(b"9") == part.content[:-1] for line, part in zip(lines, PARTS, strict=True))


def test_parts_of_parquet_become_one_file_in_order(tmp_path: Path, target: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    from inference.bulk import arrow

    folder = opened(tmp_path, "parquet")
    parts = [Scored(at, arrow.table_bytes({"row": [at]}, {"row": "int64"}), 1, 0) for at in (1, 0, 2)]
    folder.keep(parts)
    folder.assemble(target)
    assert parquet.read_table(io.BytesIO(target.read_bytes())).column("row").to_pylist() == [0, 1, 2]
