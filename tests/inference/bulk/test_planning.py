"""A file is cut into parts that hold whole rows, the same ones each time."""

import csv
import io
import random
from pathlib import Path
from typing import Any

import pytest

from inference.bulk import planning, reading, records
from inference.bulk.files import FileUnreadable, Plan
from inference.signature import Signature
from tests import toys

ORACLE = Signature.from_dict(toys.ORACLE_SIGNATURE)


@pytest.fixture(autouse=True)
def small(monkeypatch: Any) -> None:
    monkeypatch.setattr(records, "BLOCK_BYTES", 64)
    monkeypatch.setattr(planning, "PART_BYTES", 64)
    monkeypatch.setattr(planning, "PART_ROWS", 5)


@pytest.mark.parametrize("seed", range(20))
def test_parts_hold_all_rows_once_and_whole_ones(tmp_path: Path, seed: int) -> None:
    random.seed(seed)
    words = ["a", "", 'q"uote', "com,ma", "new\nline", "x" * 90, "\r\n", "é"]
    if seed % 2:
        words.append('5" pipe')  # written without quotes below: the careful way is taken
    rows = [[str(at), "0", random.choice(words)] for at in range(random.randint(1, 60))]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=random.choice(["\n", "\r\n"]))
    writer.writerow(["x", "y", "word"])
    for row in rows:
        if row[2] == '5" pipe':
            text.write(",".join(row) + "\n")
        else:
            writer.writerow(row)
        if random.random() < 0.2:
            text.write("\n")
    path = tmp_path / "rows.csv"
    content = text.getvalue().encode()
    path.write_bytes(content.removesuffix(b"\n") if seed % 3 else content)
    plan = planning.plan(path, "csv", ORACLE)
    assert Plan.from_dict(plan.to_dict()) == plan
    found = []
    for part, piece in reading.contents(path, plan, plan.parts):
        assert part.first_row == len(found)
        assert path.read_bytes()[: part.offset].count(b"\n") + 1 == part.first_line
        held = [row for row in csv.reader(io.StringIO(piece.decode(), newline="")) if row]
        assert len(held) == part.rows <= 5
        found += held
    assert found == rows
    assert plan.rows == len(rows)


def test_json_lines_are_cut_at_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"x": "\\""}\n\n' * 30 + b'{"x": 1}')
    plan = planning.plan(path, "jsonl", ORACLE)
    assert plan.rows == 31
    pieces = [content for _, content in reading.contents(path, plan, plan.parts)]
    assert sum(piece.count(b'"\\""}') for piece in pieces) == 30


def test_a_row_without_end_is_refused_and_not_read_into_memory(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(records, "MAX_RECORD_BYTES", 256)
    path = tmp_path / "rows.csv"
    path.write_bytes(b"x,y\n1,2\n" + b"3" * 10_000)
    with pytest.raises(FileUnreadable) as refused:
        planning.plan(path, "csv", ORACLE)
    assert (refused.value.code, refused.value.line) == ("row_too_long", 3)
