"""A seccomp filter: no sockets, no programs, no processes, no signals to others, no changes to files.

Everything not named is allowed, so that library updates do not break models; the file tree is
Landlock's business, and this list closes what Landlock does not cover.
"""

import ctypes
import errno
import os
import platform
import struct

from inference.validation.sandbox.kernel import syscall
from inference.validation.sandbox.syscalls import DENIED, JUDGED

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
SET_MODE_FILTER, GET_ACTION_AVAIL, ALL_THREADS = 1, 2, 1
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, ERROR, KILL = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
X32_BIT = 0x40000000
CLONE_THREAD = 0x00010000
PR_SET_PDEATHSIG = 1
REFUSE = ERROR | errno.EPERM
MISSING = ERROR | errno.ENOSYS

Program = list[tuple[int, int, int, int]]


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_void_p))


def available() -> bool:
    """Whether this kernel and this machine's architecture can carry the filter."""
    column = ARCHITECTURES.get(platform.machine())
    number = None if column is None else JUDGED["seccomp"][column[0]]
    if number is None:
        return False
    action = ctypes.c_uint32(ERROR)
    try:
        syscall(number, GET_ACTION_AVAIL, 0, ctypes.addressof(action))
    except OSError:
        return False
    return True


def install() -> None:
    """Filters this process, every thread of it, for good. Needs no_new_privs. Raises OSError."""
    column = ARCHITECTURES.get(platform.machine())
    if column is None:
        raise OSError("no system call table for this machine")
    number = JUDGED["seccomp"][column[0]]
    code = b"".join(struct.pack("=HBBI", *line) for line in program(*column, os.getpid()))
    buffer = ctypes.create_string_buffer(code, len(code))
    attributes = _Filter(len(code) // 8, ctypes.addressof(buffer))
    blocked = syscall(number or 0, SET_MODE_FILTER, ALL_THREADS, ctypes.addressof(attributes))
    if blocked:
        raise OSError(f"thread {blocked} could not be filtered")


def program(column: int, architecture: int, pid: int) -> Program:
    """The filter for one architecture, as (code, jump if true, jump if false, operand) lines."""
    lines: Program = [
        (LOAD, 0, 0, ARCHITECTURE),
        (JUMP_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
    ]
    if column == 0:
        lines += [(JUMP_AT_LEAST, 0, 1, X32_BIT), (RETURN, 0, 0, REFUSE)]
    for numbers in DENIED.values():
        if numbers[column] is not None:
            lines += [(JUMP_EQUAL, 0, 1, numbers[column] or 0), (RETURN, 0, 0, REFUSE)]
    lines += _judged("clone3", column, [(RETURN, 0, 0, MISSING)])
    lines += _judged("seccomp", column, [(RETURN, 0, 0, REFUSE)])
    lines += _judged("clone", column, _argument(JUMP_BITS, CLONE_THREAD))
    lines += _judged("tgkill", column, _argument(JUMP_EQUAL, pid))
    lines += _judged("prlimit64", column, _argument(JUMP_EQUAL, 0, pid))
    lines += _judged("prctl", column, _except(PR_SET_PDEATHSIG))
    lines.append((RETURN, 0, 0, ALLOW))
    return lines


def _judged(name: str, column: int, body: Program) -> Program:
    """`body` decides about the call `name`; other calls skip it."""
    return [(JUMP_EQUAL, 0, len(body), JUDGED[name][column] or 0), *body]


def _argument(comparison: int, *accepted: int) -> Program:
    """Allowed when the first argument compares true with one of `accepted`."""
    lines: Program = [(LOAD, 0, 0, FIRST_ARGUMENT)]
    for value in accepted:
        lines += [(comparison, 0, 1, value), (RETURN, 0, 0, ALLOW)]
    return [*lines, (RETURN, 0, 0, REFUSE)]


def _except(refused: int) -> Program:
    return [
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (JUMP_EQUAL, 0, 1, refused),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
    ]
