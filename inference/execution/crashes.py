"""Finds out which version a process crashed in, so that a model that kills processes is taken out of service.

Each serving process notes in a small memory-mapped file which version each of its threads is running; the notes outlive
the process. Python's fault handler writes which thread broke (SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL). The two
together name the version. A process that was killed from outside, or for want of memory, leaves no report and accuses
nobody.
"""

import contextlib
import faulthandler
import fcntl
import itertools
import logging
import mmap
import os
import re
import struct
import threading
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

log = logging.getLogger(__name__)
_NOTE = struct.Struct("<QQ")  # the thread, the version it runs (0: none)
_MOST_THREADS = 512
_REPORT = re.compile(r"Fatal Python error: (?P<what>[^\n]+)\n.*?Current thread 0x(?P<thread>[0-9a-f]+)", re.DOTALL)


class Recorder:
    """The notes of this process. Noting costs a fraction of a microsecond and takes no lock."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._notes_path, self._report_path = (directory / f"{os.getpid()}.{kind}" for kind in ("notes", "report"))
        self._notes = self._notes_path.open("w+b")
        # Held as long as the process lives; the kernel lets go of it when it dies.
        fcntl.flock(self._notes, fcntl.LOCK_EX)
        # Every block now: a write to a hole of a full disk would end the process.
        os.posix_fallocate(self._notes.fileno(), 0, _MOST_THREADS * _NOTE.size)
        self._map = mmap.mmap(self._notes.fileno(), 0)
        self._mine = threading.local()
        self._numbers = itertools.count()
        self._report = self._report_path.open("w")
        self._was_enabled = faulthandler.is_enabled()
        faulthandler.enable(self._report)  # of all threads: else it does not say which one broke

    def enter(self, version_id: int) -> None:
        """This thread runs the version from now on; 0 when it runs none any more."""
        try:
            thread, offset = self._mine.place
        except AttributeError:
            offset = next(self._numbers) % _MOST_THREADS * _NOTE.size
            thread, offset = self._mine.place = (threading.get_ident(), offset)
        _NOTE.pack_into(self._map, offset, thread, version_id)

    def close(self) -> None:
        """The process ends in good order: there is nothing to find out."""
        faulthandler.disable()
        if self._was_enabled:
            faulthandler.enable()
        for path in (self._notes_path, self._report_path):
            path.unlink(missing_ok=True)
        self._report.close()
        self._notes.close()


_recorder: Recorder | None = None


def _note_nothing(version_id: int) -> None:
    """Before `begin` and after `end`."""


enter: Callable[[int], None] = _note_nothing
"""This thread runs the version from now on; 0 when it runs none any more."""


def begin() -> None:
    """Note from now on what this process runs."""
    global _recorder, enter
    try:
        _recorder = Recorder(_directory())
    except OSError as error:
        log.error("crashes of this process will accuse no model, for want of a place for notes: %s", error)
        return
    enter = _recorder.enter


def end() -> None:
    """Stop noting; what was noted is dropped."""
    global _recorder, enter
    enter = _note_nothing
    if _recorder is not None:
        recorder, _recorder = _recorder, None
        recorder.close()


def collect(accuse: Callable[[int, str], object]) -> int:
    """Look after processes of this host that died: `accuse(version_id, what)` for each version one crashed in.

    Any number of processes may do this at once; each death is looked at once. Returns how many were.
    """
    found = 0
    for notes_path in sorted(_directory().glob("*.notes")):
        with contextlib.suppress(OSError), notes_path.open("r+b") as notes:
            fcntl.flock(notes, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError: it lives, or another looks
            if os.fstat(notes.fileno()).st_nlink == 0:
                continue
            report_path = notes_path.with_suffix(".report")
            report = report_path.read_text(errors="replace") if report_path.exists() else ""
            found += 1
            for version_id, what in _guilty(notes.read(), report):
                accuse(version_id, what)
            notes_path.unlink()
            report_path.unlink(missing_ok=True)
    return found


def _guilty(notes: bytes, report: str) -> list[tuple[int, str]]:
    match = _REPORT.search(report)
    if match is None:
        return []
    broken = int(match["thread"], 16)
    return [
        (version_id, f"a process crashed in it: {match['what']}")
        for thread, version_id in _NOTE.iter_unpack(notes)
        if thread == broken and version_id
    ]


def _directory() -> Path:
    return Path(settings.VAR_DIR) / "crashes"
