"""Loading spool files into the database, exactly once.

A bite of a file is loaded in one transaction that inserts its rows, adds to the rollups and moves the file's
checkpoint; a crash at any point leaves either all of it or nothing. Whoever loads from a file holds its lock.
The checkpoint is moved first and only from where the bite begins, so nobody could load a bite twice even
without the lock.
"""

import gc
import logging
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import DataError, IntegrityError, transaction

from monitoring import erasure
from monitoring.models import SpoolFile
from monitoring.spool import adoption, files, loading, rejected
from monitoring.spool.counters import counters
from monitoring.spool.errors import Overtaken
from monitoring.spool.records import BadRecord, Record, parse, parse_plain
from monitoring.spool.rejected import Refused
from monitoring.spool.writer import writer
from monitoring.summing import Sums

logger = logging.getLogger(__name__)

BITE_BYTES = 8 << 20
"""How much of a file is loaded in one transaction (more only when one record is larger)."""
PIECE_BYTES = 1 << 20
"""How much of it is in memory as records at once: some fifteen times its size."""

LATE_SECONDS = 30.0
"""A loader with files older than these is behind, and gets help."""

_known_offsets: dict[str, int] = {}
"""Checkpoints of this process's own files, as last committed; forgotten whenever something goes wrong."""


def ship_once() -> int:
    """Load what this process has appended so far; returns how many records were loaded.

    Raises what the database raises when it can't be reached; nothing is lost then, and the next call goes on.
    """
    current = writer.current()
    if current is None or _known_offsets.get(current[0].name, -1) >= current[1]:
        return 0
    with writer.lent() as file:
        if file is None:
            return 0
        descriptor, path = file
        return _ship(files.host(), path.name, descriptor)


def take_over() -> int:
    """Load and remove the files whose writer is gone, this host's and those of hosts that have disappeared.

    Returns how many records were loaded. Safe to call from any number of processes at once.
    """
    return sum(map(_take_over_of, [files.host(), *adoption.orphaned_hosts()]))


def take_over_unattended() -> int:
    """`take_over`, but what a loader of this host is there for is left to it while it keeps up: it stands back behind
    the requests, and whoever calls this doesn't.
    """
    own = _take_over_of(files.host(), before=time.time() - LATE_SECONDS if files.has_loader() else math.inf)
    return own + sum(map(_take_over_of, adoption.orphaned_hosts()))


def _take_over_of(host: str, *, before: float = math.inf) -> int:
    """What was begun before that moment, in epoch seconds."""
    total = 0
    folder = files.directory(host)
    for path in files.listed(folder, files.DONE):
        _bury(host, path)
    for path in files.listed(folder):
        if files.opened_at(path) >= before:
            continue
        try:
            with files.abandoned(path) as descriptor:
                if descriptor is not None:
                    total += _finish(host, path, descriptor)
        except (Overtaken, OSError) as error:
            logger.warning("%s can't be taken over now: %s", path.name, error)
    return total


def _finish(host: str, path: Path, descriptor: int) -> int:
    """Ship the rest of a file whose lock is held here, and end it."""
    shipped = _ship(host, path.name, descriptor)
    torn = os.fstat(descriptor).st_size - _offset(host, path.name)
    if torn:
        # The writer died inside its write: the answer was not given, so the record is dropped.
        counters.torn += 1
        logger.warning("dropped %d bytes of a half-written record at the end of %s", torn, path.name)
    _bury(host, files.retire(path))
    return shipped


def _bury(host: str, done: Path) -> None:
    """The last two steps of a file's end; may be repeated."""
    SpoolFile.objects.filter(host=host, name=done.name.removesuffix(files.DONE)).delete()
    done.unlink(missing_ok=True)


def _ship(host: str, name: str, descriptor: int) -> int:
    total = 0
    try:
        known = _known_offsets.get(name)  # other threads forget all now and then
        offset = _offset(host, name) if known is None else known
        while data := _read(descriptor, offset):
            with _no_collections():
                total += _load(host, name, offset, data)
            offset += len(data)
            _remember(name, offset)
    except BaseException:
        _known_offsets.clear()
        raise
    return total


@contextmanager
def _no_collections() -> Iterator[None]:
    """No garbage collection meanwhile: a bite is some hundred thousand objects without cycles, and looking through them
    again and again costs as much as a third of loading, in a process that has requests to answer.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _remember(name: str, offset: int) -> None:
    if len(_known_offsets) > 100:
        _known_offsets.clear()
    _known_offsets[name] = offset


def _offset(host: str, name: str) -> int:
    """The checkpoint as committed; 0 for a file that was never loaded from."""
    rows = SpoolFile.objects.filter(host=host, name=name)
    return rows.values_list("offset", flat=True).first() or 0


def _read(descriptor: int, offset: int) -> bytes:
    """Whole lines from `offset`, about one bite of them; empty when there is no whole line."""
    wanted = BITE_BYTES
    while True:
        data = os.pread(descriptor, wanted, offset)
        end = data.rfind(b"\n") + 1
        if end or len(data) < wanted:
            return data[:end]
        wanted *= 2


def _load(host: str, name: str, offset: int, data: bytes) -> int:
    """Load one bite. Returns how many of its records are in the database now."""
    loaded = _load_whole(host, name, offset, data)
    if loaded is None:
        loaded = sum(_load_piece(host, name, start, piece) for start, piece in _pieces(offset, data))
    return loaded


def _load_whole(host: str, name: str, start: int, data: bytes) -> int | None:
    """Load all records, or none and None when one of them is none or the database refuses it.

    Of a bite only a piece is in memory as records. The sums are added once: many models and clients have as many rows
    in them as a piece has records.
    """
    sums = Sums()
    try:
        with transaction.atomic():
            _move(host, name, start, start + len(data))
            for at, piece in _pieces(start, data):
                _insert(at, piece, sums)
            sums.add()
    except (DataError, IntegrityError, _Unfit):
        return None
    counters.shipped += sums.counted
    return sums.counted


class _Unfit(Exception):
    """A bite holds a line that is no record: its pieces are loaded one by one."""


def _insert(at: int, piece: bytes, sums: Sums) -> None:
    records, refused = _parse(piece, at)
    if refused:
        raise _Unfit
    erasure.keep_back(records)
    loading.insert(records)
    sums.count(record.values for record in records)


def _load_piece(host: str, name: str, start: int, data: bytes) -> int:
    """Load what can be loaded of a piece, and put aside the rest; returns how many records were loaded."""
    loaded = _load_whole(host, name, start, data)
    return _load_sorting_out(host, name, start, data) if loaded is None else loaded


def _load_sorting_out(host: str, name: str, start: int, data: bytes) -> int:
    records, refused = _parse(data, start)
    with transaction.atomic():
        _move(host, name, start, start + len(data))
        erasure.keep_back(records)
        found = loading.insert_carefully(records)
        sums = Sums()
        sums.count(record.values for record in found.inserted)
        sums.add()
        refused = refused + [(record.offset, record.line, reason) for record, reason in found.refused]
        if refused:
            rejected.keep(name, refused)
    counters.shipped += len(found.inserted)
    counters.repeated += len(found.repeated)
    counters.rejected += len(refused)
    return len(found.inserted)


def _pieces(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Whole lines of a bite, about PIECE_BYTES at once, each with where they begin in the file."""
    start = 0
    while start < len(data):
        end = len(data)
        if end - start > PIECE_BYTES:
            end = data.rfind(b"\n", start, start + PIECE_BYTES) + 1 or data.index(b"\n", start + PIECE_BYTES) + 1
        yield offset + start, data[start:end]
        start = end


def _parse(data: bytes, offset: int) -> tuple[list[Record], list[Refused]]:
    plain = parse_plain(data, offset)
    if plain is not None:
        return plain, []
    good: list[Record] = []
    refused: list[Refused] = []
    for line in data[:-1].split(b"\n"):
        try:
            good.append(parse(line, offset))
        except BadRecord as error:
            refused.append((offset, line, str(error)))
        offset += len(line) + 1
    return good, refused


def _move(host: str, name: str, start: int, end: int) -> None:
    """Move the checkpoint from `start`. Raises Overtaken when it isn't there."""
    if start == 0:
        SpoolFile.objects.bulk_create([SpoolFile(host=host, name=name)], ignore_conflicts=True)
    if not SpoolFile.objects.filter(host=host, name=name, offset=start).update(offset=end):
        raise Overtaken(f"{name} is no longer at {start}")
