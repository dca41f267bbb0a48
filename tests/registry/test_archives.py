"""Zip files at the door: only what a library would have written gets further."""

import io
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.archives import Archive
from registry.errors import ArtifactInvalid
from registry.models import Format
from registry.recognise import recognise
from registry.torch_files import LEGACY_MAGIC

SCRIPT = {"m/data.pkl": b"\x80\x02.", "m/constants.pkl": b"\x80\x02).", "m/code/__torch__.py": b"x", "m/version": b"3"}
PROGRAM = {"p/archive_format": b"pt2", "p/models/model.json": b"{}", "p/data/weights/weight_0": b"0000"}


def zipped(members: dict[str, bytes] | list[tuple[Any, bytes]], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def recognised(tmp_path: Path) -> Any:
    def recognise_bytes(content: bytes, **options: Any) -> Format:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return recognise(path, **options)

    return recognise_bytes


def refusal(recognised: Any, content: bytes, **options: Any) -> ArtifactInvalid:
    with pytest.raises(ArtifactInvalid) as caught:
        recognised(content, **options)
    assert caught.value.details["field"] == "file"
    return caught.value


def test_the_members_tell_torchscript_from_exported_programs(recognised):
    assert recognised(zipped(SCRIPT)) == Format.TORCHSCRIPT
    assert recognised(zipped(PROGRAM)) == Format.TORCH_EXPORT


def test_other_archives_are_refused_with_advice(recognised):
    for members in ({"a.txt": b"x"}, {"a.npy": b"\x93NUMPY"}, {"inner.zip": zipped(SCRIPT)}, {"m/code/a.py": b""}):
        assert refusal(recognised, zipped(members)).code == "archive_not_supported"


def test_machine_code_is_refused(recognised):
    members = {**PROGRAM, "p/data/aotinductor/model/a.so": b"\x7fELF"}
    assert refusal(recognised, zipped(members)).code == "archive_not_supported"


def test_what_torch_save_wrote_is_refused_with_what_to_do(recognised):
    weights = b"\x80\x02ccollections\nOrderedDict\nq\x00)R(ctorch._utils\n_rebuild_tensor_v2\n."
    module = b"\x80\x02cmine\nModel\nq\x00)\x81."
    for pickled, words in ((weights, "weights only"), (module, "Python code of its classes")):
        refused = refusal(recognised, zipped({"m/data.pkl": pickled, "m/version": b"3"}))
        assert refused.code == "not_torchscript"
        assert words in refused.message
        assert "torch.export.save" in refused.message
    assert refusal(recognised, LEGACY_MAGIC + b"\x80\x02.").code == "not_torchscript"


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../up", "m/../../up", "C:\\x", "m\\x", "m/\x01", "m//x", "./m", "n" * 600, "m/.."]
)
def test_names_that_leave_the_archive_are_refused(recognised, name):
    assert refusal(recognised, zipped([*SCRIPT.items(), (zipfile.ZipInfo(name), b"x")])).code == "archive_unsafe"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(recognised):
    assert refusal(recognised, zipped([*SCRIPT.items(), ("m/data.pkl", b"other")])).code == "archive_unsafe"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFBLK, stat.S_IFIFO])
def test_links_and_devices_are_refused(recognised, kind):
    link = zipfile.ZipInfo("m/link")
    link.external_attr = (kind | 0o777) << 16
    assert refusal(recognised, zipped([*SCRIPT.items(), (link, b"/etc/passwd")])).code == "archive_unsafe"


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compressions_are_refused(recognised, compression):
    assert refusal(recognised, zipped(SCRIPT, compression=compression)).code == "archive_unsafe"


def test_a_bomb_is_refused_by_its_table_alone(recognised):
    content = zipped({**SCRIPT, "m/data/0": bytes(65 << 20)}, compression=zipfile.ZIP_DEFLATED)
    assert len(content) < 1 << 20
    assert refusal(recognised, content).code == "size_limit"
    assert (
        refusal(recognised, zipped({**SCRIPT, "m/data/0": bytes(2000)}), max_unpacked_bytes=1000).code == "size_limit"
    )


def test_encrypted_members_are_refused(recognised):
    content = bytearray(zipped(SCRIPT))
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    assert refusal(recognised, bytes(content)).code == "archive_unsafe"


def test_a_member_that_contradicts_the_table_is_refused(recognised):
    content = zipped(SCRIPT)
    assert refusal(recognised, content.replace(b"m/data.pkl", b"m/evil.pkl", 1)).code == "archive_unsafe"


def test_a_table_that_claims_another_size_is_refused(recognised):
    content = bytearray(zipped(SCRIPT))
    at = content.index(b"PK\x01\x02")
    struct.pack_into("<L", content, at + 24, 1 << 30)
    assert refusal(recognised, bytes(content)).code == "archive_unsafe"


def test_overlapping_members_are_refused(recognised):
    content = bytearray(zipped(SCRIPT))
    second = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)
    struct.pack_into("<L", content, second + 42, 0)
    assert refusal(recognised, bytes(content)).code in ("archive_unsafe", "unreadable")


def test_data_before_or_after_the_archive_is_refused(recognised):
    content = zipped(SCRIPT)
    assert refusal(recognised, content + b"#!/bin/sh").code == "unreadable"
    assert refusal(recognised, b"PK\x03\x04" + content).code in ("archive_unsafe", "unreadable")
    with_comment = io.BytesIO(content)
    with zipfile.ZipFile(with_comment, "a") as archive:
        archive.comment = b"x"
    assert refusal(recognised, with_comment.getvalue()).code in ("unreadable", "archive_unsafe")


def test_too_many_members_are_refused_before_they_are_read(recognised):
    content = bytearray(zipped(SCRIPT))
    struct.pack_into("<2H", content, len(content) - 14, 60_000, 60_000)
    assert refusal(recognised, bytes(content)).code == "archive_unsafe"


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.99])
def test_a_truncated_archive_is_refused(recognised, keep):
    content = zipped(SCRIPT)
    assert refusal(recognised, content[: int(len(content) * keep)]).code == "unreadable"


def test_a_member_can_be_read_in_part(tmp_path):
    path = tmp_path / "archive"
    path.write_bytes(zipped(SCRIPT))
    assert Archive(path, max_unpacked_bytes=1 << 20).read("m/data.pkl", 2) == b"\x80\x02"


@settings(max_examples=300)
@given(st.data())
def test_no_change_of_bytes_does_anything_but_be_refused_or_recognised(tmp_path_factory, data):
    content = bytearray(zipped(data.draw(st.sampled_from([SCRIPT, PROGRAM]))))
    for at, value in data.draw(st.lists(st.tuples(st.integers(4, len(content) - 1), st.integers(0, 255)), max_size=4)):
        content[at] = value
    path = tmp_path_factory.mktemp("zip") / "upload"
    path.write_bytes(content)
    try:
        found = recognise(path)
    except ArtifactInvalid:
        return
    assert found in Format
