"""Files of counts that have all their room from the beginning.

prometheus_client maps a file with a hole in it: on a full disk the first count that falls into the hole ends the
process (SIGBUS). Here the blocks are taken when the file is made or grows; where there are none, the counts of this
process lie in memory alone, which Prometheus does not see, and the process lives.
"""

import os
from typing import Any

from prometheus_client import values
from prometheus_client.mmap_dict import _INITIAL_MMAP_SIZE, MmapedDict

_LONGEST_FRAME = 4 + 8 + 16  # length, padding, value and time


class RoomyDict(MmapedDict):
    """As the library's, but without holes."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        if read_mode or _has_room(filename):
            super().__init__(filename, read_mode)
            return
        descriptor = os.memfd_create("metrics")
        super().__init__(f"/proc/self/fd/{descriptor}")
        os.close(descriptor)

    def _init_value(self, key: str) -> None:
        if self._used + len(key.encode()) + _LONGEST_FRAME > self._capacity:
            # Raises OSError for want of room, which is an error of one request and not the end of all.
            os.posix_fallocate(self._f.fileno(), 0, self._capacity * 2)
        super()._init_value(key)


def _has_room(filename: str) -> bool:
    """Whether the file has its blocks now. One that got none is removed: nobody could read it."""
    descriptor = os.open(filename, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        os.posix_fallocate(descriptor, 0, max(_INITIAL_MMAP_SIZE, size))
    except OSError:
        if not size:
            os.unlink(filename)
        return False
    finally:
        os.close(descriptor)
    return True


def use() -> None:
    """Have every file of counts that is made from now on be such a one."""
    settable: Any = values
    settable.MmapedDict = RoomyDict
