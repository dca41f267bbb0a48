"""The counts of one host: a memory-mapped file that all its processes share.

The file holds records of fixed size in sets of WAYS; a bucket's digest chooses the set. All charges of one call
are decided under one lock (of threads, then of processes), which the kernel releases when its holder dies.
A full set gives up the record that has counted least: a caller who is near the limit stays known.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from accounts.limiting.window import COUNTERS, SLOTS, Charge, Verdict

# digest, the moment from which nothing counts any more, the last step counted in, the sum, the counts by step
_HEAD = struct.Struct("<16sdQI")
_STATE = struct.Struct("<dQI")
_COUNTS = struct.Struct(f"<{COUNTERS}I")
_COUNT = struct.Struct("<I")
_RECORD_BYTES = _HEAD.size + _COUNTS.size
_DIGEST_BYTES = 16
WAYS = 8
SETS = 1024
_SET_BYTES = WAYS * _RECORD_BYTES
SIZE = SETS * _SET_BYTES
# Where the record lies, the step to count in, the units that count now.
Found: TypeAlias = tuple[int, int, int]


class SharedTable:
    """One file of counts. `path` None keeps them in this process alone."""

    def __init__(self, path: Path | None) -> None:
        """Raises OSError when the file can't be made, or not in full."""
        self._threads = threading.Lock()
        self._file = -1
        if path is None:
            self._memory = mmap.mmap(-1, SIZE)
            return
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._lock()
            try:
                if os.fstat(self._file).st_size < SIZE:
                    # Every block now: a write to a hole of a full disk would end the process.
                    os.posix_fallocate(self._file, 0, SIZE)
            finally:
                self._unlock()
            self._memory = mmap.mmap(self._file, SIZE)
        except BaseException:
            os.close(self._file)
            raise

    def close(self) -> None:
        with self._threads:
            self._memory.close()
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def hit(self, charges: Sequence[Charge], *, window: float, now: float) -> Verdict:
        """Count all charges, or none when one of them would exceed its limit.

        `now` counts seconds and never goes back; all processes of the host count alike.
        """
        step = window / SLOTS
        slot = int(now / step)
        found: list[Found] = []
        self._lock()
        try:
            for charge in charges:
                place = self._find(charge.bucket, window, now, slot, found)
                if place[2] + charge.cost > charge.limit:
                    return self._refusal(charge, place, step, now)
                found.append(place)
            for charge, place in zip(charges, found, strict=True):
                self._add(place, charge.cost, step)
        finally:
            self._unlock()
        limit, remaining = _tightest(charges, found)
        return Verdict(True, limit, remaining, (found[0][1] + COUNTERS) * step - now)

    def refund(self, charges: Sequence[Charge], *, window: float, now: float) -> None:
        """Take back what `hit` counted at `now`."""
        step = window / SLOTS
        slot = int(now / step)
        self._lock()
        try:
            for charge in charges:
                place = self._find(charge.bucket, window, now, slot, ())
                self._add((place[0], slot, place[2]), -charge.cost, step)
        finally:
            self._unlock()

    def _add(self, place: Found, units: int, step: float) -> None:
        """Count units in a step; the counts first, from which the sum is made anew in each step."""
        offset, at, used = place
        count_at = offset + _HEAD.size + at % COUNTERS * _COUNT.size
        counted = _COUNT.unpack_from(self._memory, count_at)[0]
        units = max(units, -counted, -used)
        _COUNT.pack_into(self._memory, count_at, counted + units)
        state_at = offset + _DIGEST_BYTES
        _, last, _ = _STATE.unpack_from(self._memory, state_at)
        _STATE.pack_into(self._memory, state_at, (last + COUNTERS) * step, last, used + units)

    def _find(self, bucket: str, window: float, now: float, slot: int, beside: Sequence[Found]) -> Found:
        """A bucket's record as of now, or a new one in a place that is not among those in `beside`."""
        digest = digest_of(bucket, window)
        memory = self._memory
        first = int.from_bytes(digest[:4], "little") % SETS * _SET_BYTES
        for offset in range(first, first + _SET_BYTES, _RECORD_BYTES):
            if memory[offset : offset + _DIGEST_BYTES] == digest:
                ends_at, last, used = _STATE.unpack_from(memory, offset + _DIGEST_BYTES)
                if not _counts_still(ends_at, now, window):
                    break
                return (offset, last, used) if slot <= last else self._advance(offset, last, slot, window)
        else:
            offset = self._least(first, now, window, {other[0] for other in beside})
        _COUNTS.pack_into(memory, offset + _HEAD.size, *[0] * COUNTERS)
        _HEAD.pack_into(memory, offset, digest, (slot + COUNTERS) * (window / SLOTS), slot, 0)
        return offset, slot, 0

    def _advance(self, offset: int, last: int, slot: int, window: float) -> Found:
        """Let go of what is older than a window."""
        counts = list(_COUNTS.unpack_from(self._memory, offset + _HEAD.size))
        for passed in range(last + 1, min(slot, last + COUNTERS) + 1):
            counts[passed % COUNTERS] = 0
        used = sum(counts)
        _COUNTS.pack_into(self._memory, offset + _HEAD.size, *counts)
        ends_at = (slot + COUNTERS) * (window / SLOTS)
        _STATE.pack_into(self._memory, offset + _DIGEST_BYTES, ends_at, slot, used)
        return offset, slot, used

    def _least(self, first: int, now: float, window: float, taken: set[int]) -> int:
        """The record of a set that is missed least."""

        def weight(offset: int) -> int:
            ends_at, _, used = _STATE.unpack_from(self._memory, offset + _DIGEST_BYTES)
            return int(used) if _counts_still(ends_at, now, window) else -1

        places = range(first, first + _SET_BYTES, _RECORD_BYTES)
        return min((offset for offset in places if offset not in taken), key=weight)

    def _refusal(self, charge: Charge, place: Found, step: float, now: float) -> Verdict:
        offset, at, used = place
        counts = _COUNTS.unpack_from(self._memory, offset + _HEAD.size)
        free_at, too_many = at + COUNTERS, used + charge.cost - charge.limit
        for slot in range(at - SLOTS, at + 1):
            too_many -= counts[slot % COUNTERS]
            if too_many <= 0:
                free_at = slot + COUNTERS
                break
        return Verdict(False, charge.limit, max(0, charge.limit - used), max(0.0, free_at * step - now))

    def _lock(self) -> None:
        self._threads.acquire()
        if self._file >= 0:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX)
            except BaseException:
                self._threads.release()
                raise

    def _unlock(self) -> None:
        try:
            if self._file >= 0:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        finally:
            self._threads.release()


def _counts_still(ends_at: float, now: float, window: float) -> bool:
    """Whether a record holds something. One that ends too far ahead is from before the clock began anew."""
    return now < ends_at <= now + 2 * window


def _tightest(charges: Sequence[Charge], found: Sequence[Found]) -> tuple[int, int]:
    """The limit of the bucket that has the least left, and what it has."""
    left = [charge.limit - place[2] - charge.cost for charge, place in zip(charges, found, strict=True)]
    remaining = min(left)
    return charges[left.index(remaining)].limit, remaining


@lru_cache(maxsize=8192)
def digest_of(bucket: str, window: float) -> bytes:
    return hashlib.blake2b(f"{window} {bucket}".encode(), digest_size=_DIGEST_BYTES).digest()
