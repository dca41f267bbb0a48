"""What every child of the master does first."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15


def join(master: int, *, name: str) -> None:
    """Live and end with the master: its terminal's signals are for it, and its death is a stop for the child.

    To be called in the child, with its own handler for SIGTERM in place. `name`: what `ps` and `top` call the process
    (of 15 letters).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if not sys.platform.startswith("linux"):
        return
    kernel = ctypes.CDLL(None, use_errno=True)
    kernel.prctl(_PR_SET_NAME, name.encode())
    kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # an orphan would hold the socket
    if os.getppid() != master:  # it died before that
        os._exit(1)
