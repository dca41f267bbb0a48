"""Landlock: the process may read the directories it is given and touch nothing else.

Rights that an older kernel does not know are left out of the ruleset, as its ABI number says.
"""

import ctypes
import os
from collections.abc import Iterable

from inference.validation.sandbox.kernel import syscall

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3
FIRST_FILE_RIGHTS = (1 << 13) - 1
FILE_RIGHTS_ADDED = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
NETWORK_SINCE, NETWORK_RIGHTS = 4, 0b11
SCOPES_SINCE, SCOPES = 6, 0b11


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def abi() -> int:
    """The kernel's Landlock ABI; 0 where it is missing or switched off."""
    try:
        return syscall(CREATE_RULESET, None, 0, CREATE_RULESET_VERSION)
    except OSError:
        return 0


def restrict(readable: Iterable[str]) -> None:
    """From now on this thread, and threads it starts, can only read below `readable`.

    Needs no_new_privs. Raises OSError where Landlock is missing. Call it before other threads exist.
    """
    version = abi()
    if version < 1:
        raise OSError("Landlock is not available")
    ruleset = _create(version)
    try:
        for path in readable:
            _allow_reading(ruleset, path)
        syscall(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _create(version: int) -> int:
    rights = FIRST_FILE_RIGHTS
    for since, added in FILE_RIGHTS_ADDED.items():
        if version >= since:
            rights |= added
    attributes = _RulesetAttributes(
        rights,
        NETWORK_RIGHTS if version >= NETWORK_SINCE else 0,
        SCOPES if version >= SCOPES_SINCE else 0,
    )
    size = 8 if version < NETWORK_SINCE else 16 if version < SCOPES_SINCE else 24
    return syscall(CREATE_RULESET, ctypes.addressof(attributes), size, 0)


def _allow_reading(ruleset: int, path: str) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rights = READ_FILE | READ_DIR if os.path.isdir(path) else READ_FILE
        rule = _PathBeneath(rights, descriptor)
        syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.addressof(rule), 0)
    finally:
        os.close(descriptor)
