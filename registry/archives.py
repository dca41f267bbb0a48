"""Zip-based model files, judged by their table of contents: nothing is unpacked but a few small members.

Whoever opens such a file later may trust that its table and its members agree, that no member lies on another, and
that it unpacks to a bounded size.
"""

import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from registry.errors import ArtifactInvalid

MAGIC = b"PK\x03\x04"
MAX_MEMBERS = 50_000
MAX_TABLE_BYTES = 16 << 20
MAX_NAME = 512
# What deflate does to code and to arrays of one value; beyond it a file is a bomb, unless it is small anyway.
MAX_RATIO, SMALL_BYTES = 200, 64 << 20
_END, _END64, _LOCATOR64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
_LOCAL = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 0x1 | 0x20 | 0x40 | 0x2000  # encrypted, patched, strongly encrypted, masked headers
_STRANGE_NAME = re.compile(r"[\x00-\x1f\x7f\\]|^/|^[A-Za-z]:|(^|/)\.\.(/|$)|//|(^|/)\.(/|$)")


class Archive:
    """A zip file whose structure has been checked. Raises ArtifactInvalid: unreadable, archive_unsafe, size_limit."""

    def __init__(self, path: Path, *, max_unpacked_bytes: int) -> None:
        self._path = path
        with path.open("rb") as file:
            _check_end(file, path.stat().st_size)
            try:
                with zipfile.ZipFile(file) as opened:
                    members = opened.infolist()
            except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
                raise _damaged() from error
            for member in members:
                _check_member(member)
            _check_sizes(members, path.stat().st_size, max_unpacked_bytes)
            _check_places(file, members)
        self.names = frozenset(member.filename for member in members)

    def read(self, name: str, limit: int) -> bytes:
        """The first `limit` bytes of a member."""
        try:
            with zipfile.ZipFile(self._path) as opened, opened.open(name) as member:
                return member.read(limit)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise _damaged() from error


def _check_end(file: BinaryIO, size: int) -> None:
    """The file ends with its table of contents and nothing after it, and the table is of a bounded size."""
    if size < _END.size:
        raise _damaged()
    file.seek(size - _END.size)
    magic, disk, start_disk, _, members, table, offset, comment = _END.unpack(file.read(_END.size))
    if magic != b"PK\x05\x06":
        raise _refuse(
            "unreadable", "The zip file is cut off, damaged or followed by other data: save it and upload it again."
        )
    end = size - _END.size
    if 0xFFFF in (members, disk) or 0xFFFFFFFF in (table, offset) or _has_locator(file, end):
        end, members, table, offset = _read_end64(file, end)
        disk = start_disk = 0
    if disk or start_disk or comment:
        raise _unsafe("it has several parts or a comment")
    if members > MAX_MEMBERS or table > MAX_TABLE_BYTES:
        raise _unsafe(f"it has more than {MAX_MEMBERS:,} members")
    if offset + table != end:
        raise _unsafe("its table of contents is not where it says")
    file.seek(0)


def _has_locator(file: BinaryIO, end: int) -> bool:
    if end < _LOCATOR64.size:
        return False
    file.seek(end - _LOCATOR64.size)
    return file.read(4) == b"PK\x06\x07"


def _read_end64(file: BinaryIO, end: int) -> tuple[int, int, int, int]:
    """(where the 64-bit end record begins, members, bytes of the table, where the table begins)."""
    if end < _LOCATOR64.size + _END64.size:
        raise _damaged()
    file.seek(end - _LOCATOR64.size)
    magic, disk, at, disks = _LOCATOR64.unpack(file.read(_LOCATOR64.size))
    if magic != b"PK\x06\x07" or disk or disks > 1 or at != end - _LOCATOR64.size - _END64.size:
        raise _damaged()
    file.seek(at)
    magic, length, _, _, _, _, here, members, table, offset = _END64.unpack(file.read(_END64.size))
    if magic != b"PK\x06\x06" or length != _END64.size - 12 or here != members:
        raise _damaged()
    return at, members, table, offset


def _check_member(member: zipfile.ZipInfo) -> None:
    name = member.orig_filename
    if len(name) > MAX_NAME or _STRANGE_NAME.search(name) or not name:
        raise _unsafe("a member's name leaves the archive or is malformed")
    if member.flag_bits & _ENCRYPTED:
        raise _unsafe("it is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _unsafe("it uses an unusual compression")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _unsafe("a member is a link or a device")
    if member.compress_type == zipfile.ZIP_STORED and member.file_size != member.compress_size:
        raise _unsafe("a member's sizes contradict each other")


def _check_sizes(members: list[zipfile.ZipInfo], size: int, limit: int) -> None:
    if not members:
        raise _unsafe("it is empty")
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise _unsafe("two members have the same name")
    unpacked = sum(member.file_size for member in members)
    if unpacked > limit or (unpacked > SMALL_BYTES and unpacked > MAX_RATIO * size):
        raise _refuse("size_limit", "The file unpacks to more than the platform accepts.")


def _check_places(file: BinaryIO, members: list[zipfile.ZipInfo]) -> None:
    """Each member's own header says what the table says, the first is at the beginning, and none overlaps the next."""
    free = 0
    for number, member in enumerate(sorted(members, key=lambda member: member.header_offset)):
        if member.header_offset < free or (number == 0 and member.header_offset != 0):
            raise _unsafe("its members overlap, or something stands before the first")
        file.seek(member.header_offset)
        header = file.read(_LOCAL.size)
        if len(header) < _LOCAL.size or not header.startswith(MAGIC):
            raise _damaged()
        _, _, flags, compression, _, _, _, _, _, name_length, extra_length = _LOCAL.unpack(header)
        name = file.read(name_length).decode("utf-8" if flags & 0x800 else "cp437", errors="replace")
        if name != member.orig_filename or compression != member.compress_type or flags & _ENCRYPTED:
            raise _unsafe("a member and the table of contents contradict each other")
        free = member.header_offset + _LOCAL.size + name_length + extra_length + member.compress_size


def _damaged() -> ArtifactInvalid:
    return _refuse("unreadable", "The zip file is cut off or damaged: save it and upload it again.")


def _unsafe(what: str) -> ArtifactInvalid:
    return _refuse("archive_unsafe", f"The zip file is not one that a library would write: {what}.")


def _refuse(code: str, message: str) -> ArtifactInvalid:
    return ArtifactInvalid(message, code=code, field="file")
