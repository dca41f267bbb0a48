"""Files of counts on a full disk."""

import errno
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

from accounts import metric_files
from accounts.metric_files import RoomyDict
from tests.standing_in import stand_in


def no_room(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_every_file_of_counts_that_is_made_has_its_room() -> None:
    assert values.MmapedDict is RoomyDict


def test_a_file_of_counts_has_no_hole_and_grows_without_one(tmp_path: Path) -> None:
    path = tmp_path / "counter_1.db"
    counts = RoomyDict(str(path))
    for number in range(2000):
        counts.write_value(f"a rather long key of the number {number:50}", float(number), 0.0)
    counts.close()
    status = path.stat()
    assert status.st_size > 1 << 16
    assert status.st_blocks * 512 >= status.st_size
    found = {key: value for key, value, _, _ in MmapedDict.read_all_values_from_file(str(path))}
    assert sorted(found.values()) == [float(number) for number in range(2000)]


def test_without_room_the_counts_lie_in_memory_and_no_file_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, metric_files, "os", posix_fallocate=no_room)
    counts = RoomyDict(str(tmp_path / "counter_1.db"))
    counts.write_value("key", 3.0, 0.0)
    assert counts.read_value("key")[0] == 3.0
    assert list(tmp_path.glob("*.db")) == []
    counts.close()


def test_a_file_that_cannot_grow_is_an_error_and_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = RoomyDict(str(tmp_path / "counter_1.db"))
    counts.write_value("key", 3.0, 0.0)
    stand_in(monkeypatch, metric_files, "os", posix_fallocate=no_room)
    with pytest.raises(OSError, match="No space"):
        counts.write_value("k" * 70_000, 1.0, 0.0)
    assert counts.read_value("key")[0] == 3.0
    counts.close()
