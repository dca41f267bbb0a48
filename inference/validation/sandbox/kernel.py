"""Raw system calls through ctypes, for the kernel doors Python has no function for."""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long


def syscall(number: int, *arguments: int | None) -> int:
    """The result of a system call. Raises OSError when the kernel answers with an error."""
    converted = [ctypes.c_long(0 if value is None else value) for value in arguments]
    result = LIBC.syscall(ctypes.c_long(number), *converted)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return int(result)


def prctl(option: int, *arguments: int) -> int:
    """prctl(2) with missing arguments as 0. Raises OSError."""
    padded = [*arguments, 0, 0, 0, 0][:4]
    result = LIBC.prctl(ctypes.c_int(option), *[ctypes.c_ulong(value) for value in padded])
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return int(result)
