"""Gives up what a process may do by virtue of who runs it."""

import contextlib
import ctypes
import os
import pwd
import signal
import stat
from collections.abc import Iterable
from pathlib import Path

from inference.validation.sandbox.kernel import LIBC, prctl

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL = 38, 47, 4
CAPABILITIES = 64
CAPABILITY_VERSION_3 = 0x20080522


def drop(readable: Iterable[str]) -> None:
    """Root gives up groups, capabilities and, where `readable` stays readable, its identity."""
    if os.geteuid() == 0:
        nobody = _nobody()
        os.setgroups([])
        for capability in range(CAPABILITIES):
            try:
                prctl(PR_CAPBSET_DROP, capability)
            except OSError:
                break
        if nobody is not None and all(_open_to_others(path) for path in readable):
            os.setresgid(nobody[1], nobody[1], nobody[1])
            os.setresuid(nobody[0], nobody[0], nobody[0])
        _clear_capabilities()
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_DUMPABLE, 0)


def die_with(parent: int) -> None:
    """The kernel kills this process when its parent ends. Call it after `drop`, which resets it."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _nobody() -> tuple[int, int] | None:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid


def _open_to_others(path: str) -> bool:
    """Whether any user may read `path`, through every directory above it."""
    target = Path(path)
    if not target.exists():
        return True
    wanted = stat.S_IROTH | (stat.S_IXOTH if target.is_dir() else 0)
    if target.stat().st_mode & wanted != wanted:
        return False
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in target.resolve().parents)


def _clear_capabilities() -> None:
    with contextlib.suppress(OSError):  # kernels before 4.3 have no ambient set
        prctl(PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if LIBC.capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "the capabilities could not be dropped")
