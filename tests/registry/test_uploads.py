"""What becomes of a file on its way to the disk."""

import errno
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest

from registry.uploads import ArtifactUploadHandler


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    place = tmp_path / "on its way"
    place.mkdir()
    return place


@pytest.fixture
def handler(settings: Any, staging: Path) -> ArtifactUploadHandler:
    settings.FILE_UPLOAD_TEMP_DIR = str(staging)
    handler = ArtifactUploadHandler(HttpRequest())
    handler.new_file("file", "model.bin", "application/octet-stream", 0)
    assert len(list(staging.iterdir())) == 1
    return handler


def full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_a_full_disk_cuts_short_is_gone_at_once(
    handler: ArtifactUploadHandler, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler.file.file, "write", full)
    with pytest.raises(OSError, match="No space"):
        handler.receive_data_chunk(b"some", 0)
    assert list(staging.iterdir()) == []


def test_so_is_what_cannot_be_written_to_its_end(
    handler: ArtifactUploadHandler, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler.receive_data_chunk(b"some", 0)
    monkeypatch.setattr(handler.file.file, "seek", full)
    with pytest.raises(OSError, match="No space"):
        handler.file_complete(4)
    assert list(staging.iterdir()) == []


def test_what_is_whole_stays_until_it_is_closed(handler: ArtifactUploadHandler, staging: Path) -> None:
    handler.receive_data_chunk(b"some", 0)
    with handler.file_complete(4) as whole:
        assert whole.read() == b"some"
        assert len(list(staging.iterdir())) == 1
    assert list(staging.iterdir()) == []
