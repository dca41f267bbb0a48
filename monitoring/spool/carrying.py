"""Spooled records on their way into a backup and out of one."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO

from monitoring.models import SpoolFile
from monitoring.spool import files


def waiting() -> Iterator[tuple[str, str, BinaryIO]]:
    """Host, name and the open file, for each spool file below SPOOL_DIR. Some of their lines may be loaded already."""
    for host in files.hosts():
        for path in files.listed(files.directory(host)):
            with suppress(FileNotFoundError):  # loaded whole meanwhile
                yield host, path.name, path.open("rb")


def bring(*, host: str, name: str, pieces: Iterable[bytes]) -> None:
    """Make what is left of a carried file one of this host's, to be taken over; the database says where it was.

    Where it doesn't say, everything is brought: records that are loaded already are known by their ids.
    """
    offset = SpoolFile.objects.filter(host=host, name=name).values_list("offset", flat=True).first() or 0
    descriptor, _ = files.create()
    with os.fdopen(descriptor, "r+b") as target:
        for piece in pieces:
            target.write(piece[offset:])
            offset = max(0, offset - len(piece))
        target.flush()
        os.fsync(target.fileno())


def forget_checkpoints() -> None:
    """Drop the checkpoints of files that no longer are: before any is written again."""
    SpoolFile.objects.all().delete()
