"""Appending records: one `write` of one line to this process's own file, before the answer is given.

A record that was appended survives the death of the process (not of the machine). Nothing here touches the
database.
"""

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

from accounts import metrics
from monitoring.spool import files
from monitoring.spool.counters import counters
from monitoring.spool.errors import SpoolFull, SpoolWriteFailed

logger = logging.getLogger(__name__)

_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
_MEASURE_SECONDS = 1.0
_NO_DATA = {"input": None, "output": None}
# Larger inputs and outputs (an image as numbers, say) are left out of the record.
MAX_PART_BYTES = 65_536
_FULL_ERRORS = {errno.ENOSPC, errno.EDQUOT}


class Writer:
    """The spool file of one process: opened with the first record, rotated when large, safe for threads and
    forks.

    The cap on disk use is checked against a measure of the directory that is at most a second old, less what
    this process wrote since; the other processes of the host may overshoot by what they write within that
    second. A quarter of the cap is for records without their data, unless the policy is to refuse.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._descriptor = -1
        self._path: Path | None = None
        self._borrowed: set[int] = set()
        self._size = 0
        self._rotate_bytes = 0
        self._room = self._reserve = 0
        self._measure_at = 0.0
        self._warn_at = 0.0

    def write(self, line: bytes, *, is_last_try: bool = False) -> bool:
        """Append one line; False when there is no room for it, with `is_last_try` not even in the reserve.

        Raises SpoolFull (no room, and the policy is to refuse) or SpoolWriteFailed. Unless the answer is True, no part
        of the line is in the file.
        """
        with self._lock:
            if time.monotonic() >= self._measure_at:
                self._measure()
            if self._room < len(line) and (not is_last_try or self._room + self._reserve < len(line)):
                return self._full(is_last_try)
            try:
                if self._descriptor < 0 or self._size >= self._rotate_bytes:
                    self._open()
                written = os.write(self._descriptor, line)
            except OSError as error:
                return self._failed(error.errno or 0, is_last_try)
            if written != len(line):
                return self._failed(errno.ENOSPC, is_last_try)
            self._size += written
            self._room -= written
            return True

    def current(self) -> tuple[Path, int] | None:
        """Path and size of the file that is being written to, or None."""
        with self._lock:
            return (self._path, self._size) if self._path and self._pid == os.getpid() else None

    @contextmanager
    def lent(self) -> Iterator[tuple[int, Path] | None]:
        """A descriptor of the file that is written to, for reading, and its path; None without a file.

        It shares the file's lock: nobody takes the file over before it is given back, even if the writer has
        let go of it meanwhile.
        """
        with self._lock:
            path = self._path if self._pid == os.getpid() else None
            if path is None:
                borrowed = -1
            else:
                borrowed = os.dup(self._descriptor)
                self._borrowed.add(borrowed)
        if path is None:
            yield None
            return
        try:
            yield borrowed, path
        finally:
            with self._lock:
                self._borrowed.discard(borrowed)
                os.close(borrowed)

    def let_go(self) -> Path | None:
        """Close the file, so that whoever ships next may also remove it; the next record opens another.

        Returns the file's path, None when there was none.
        """
        with self._lock:
            path = self._path
            self._close()
            return path

    def let_go_if_older(self, moment: float) -> None:
        """Let go of a file that was begun before `moment` (epoch seconds)."""
        path = self._path
        if path and files.opened_at(path) < moment:
            self.let_go()

    def relieve(self) -> None:
        """Let go of the file when the host's spool is half full: what is shipped of it can then be freed."""
        if self._path and files.used_bytes() * 2 > settings.SPOOL_MAX_BYTES:
            self.let_go()

    def forget(self) -> None:
        """In a forked child: the parent's file stays the parent's. Closing our copy leaves the parent's lock
        alone.
        """
        self._lock = threading.Lock()
        with self._lock:
            self._close()
            while self._borrowed:
                os.close(self._borrowed.pop())
            self._pid = os.getpid()
            self._measure_at = 0.0

    def hold(self) -> None:
        """Before a fork: no thread may be in the middle of opening a file."""
        self._lock.acquire()

    def resume(self) -> None:
        """After a fork, in the parent."""
        self._lock.release()

    def _open(self) -> None:
        self._close()
        self._descriptor, self._path = files.create()
        self._rotate_bytes = settings.SPOOL_ROTATE_BYTES

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._path, self._size = -1, None, 0

    def _failed(self, error: int, is_last_try: bool) -> bool:
        """Take back what was written of the line. No room on the disk is a full spool, the rest an error."""
        self._repair()
        if error in _FULL_ERRORS:
            return self._full(is_last_try)
        reason = os.strerror(error)
        self._warn("a prediction record could not be written: %s", reason)
        raise SpoolWriteFailed(reason)

    def _repair(self) -> None:
        """Cut the file back to whole lines; a file that can't be cut is left to be shipped up to its last
        newline.
        """
        if self._descriptor < 0:
            return
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            self._close()

    def _measure(self) -> None:
        self._reserve = 0 if settings.SPOOL_WHEN_FULL == "refuse" else settings.SPOOL_MAX_BYTES // 4
        self._room = settings.SPOOL_MAX_BYTES - files.used_bytes() - self._reserve
        self._measure_at = time.monotonic() + _MEASURE_SECONDS

    def _full(self, is_last_try: bool) -> bool:
        """Follow the policy. At last the file is let go, so that shipping it makes room."""
        refuses = settings.SPOOL_WHEN_FULL == "refuse"
        if refuses or is_last_try:
            self._room = self._reserve = 0
            self._close()
            self._warn("the spool of prediction records is full: %d records dropped so far", counters.dropped)
        if refuses:
            raise SpoolFull
        return False

    def _warn(self, message: str, argument: object) -> None:
        """Log at most once in ten seconds: this is the hot path of every request."""
        now = time.monotonic()
        if now >= self._warn_at:
            self._warn_at = now + 10.0
            logger.error(message, argument)


writer = Writer()
os.register_at_fork(before=writer.hold, after_in_parent=writer.resume, after_in_child=writer.forget)


def append(record: dict[str, Any]) -> None:
    """Write one prediction record durably (against the death of this process) to the spool.

    Keys: id, request_id, at (epoch seconds), model_id, version_id|None, user_id|None, key_id|None,
    subject_id, outcome, status_code, error_code, instance_count, latency_ms, inference_ms|None,
    confidence|None, input, output (of MAX_PART_BYTES at most; of a larger one its size is kept). When the spool is
    nearly full, input and output are left out; when it is full, the record is. Both are counted. Raises SpoolFull when
    there is no room and the policy is to refuse, SpoolWriteFailed when the disk fails.
    """
    try:
        line = orjson.dumps(record, option=_OPTIONS)
    except TypeError:
        # The request's facts matter more than a payload that is no JSON (nested too deep, huge integers).
        counters.stripped += 1
        line = orjson.dumps({**record, **_NO_DATA}, option=_OPTIONS)
    if len(line) > MAX_PART_BYTES:
        line = orjson.dumps({**record, **{name: _bounded(record[name]) for name in _NO_DATA}}, option=_OPTIONS)
    try:
        if not writer.write(line):
            _append_what_fits(record)
    except (SpoolFull, SpoolWriteFailed) as error:
        _count(metrics.dropped_records, "refused" if isinstance(error, SpoolFull) else "failed")
        raise


def _bounded(value: Any) -> Any:
    size = len(orjson.dumps(value, option=_OPTIONS))
    return value if size <= MAX_PART_BYTES else {"omitted_bytes": size}


def _append_what_fits(record: dict[str, Any]) -> None:
    """There is no room for all: the facts of the request alone, or nothing, counted at once.

    The counts lie in a file, so that they outlive this process.
    """
    if writer.write(orjson.dumps({**record, **_NO_DATA}, option=_OPTIONS), is_last_try=True):
        counters.shortened += 1
        _count(metrics.shortened_records, "full")
    else:
        counters.dropped += 1
        _count(metrics.dropped_records, "full")


def _count(counter: Callable[[str], Any], reason: str) -> None:
    """A first count makes a file, for which a full disk may have no room either."""
    with suppress(OSError):
        counter(reason).inc()
