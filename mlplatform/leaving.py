"""How a web server leaves: it says so first, goes on answering, and shuts the door when nobody stands in it.

SIGTERM makes `GET /ready` answer 503 and every answer end its connection, for LAME_DUCK_SECONDS, so that proxies and
load balancers turn to others. Then nothing new is let in, what is in flight is finished, and the processes end. The
word passes from the master to its workers by a byte of memory that they share. No Django inside.
"""

import contextlib
import ctypes
import mmap
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

_word = mmap.mmap(-1, 1)  # made when the master imports this, so that its forks share it

Handler = Callable[[int, Any], Any]

DOOR_SECONDS = 0.1
"""For the workers to take what already waits at the door."""
_SO_ATTACH_FILTER = 26
_ACCEPT, _DROP = 0xFFFFFFFF, 0
# Classic BPF over the TCP header: a segment that only opens a connection is dropped, all others pass.
_NO_NEW_CONNECTIONS = (
    (0x30, 0, 0, 13),  # load the byte of flags
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, _DROP),
    (0x06, 0, 0, _ACCEPT),
)


def is_announced() -> bool:
    """Whether this server is about to leave."""
    return _word[0] == 1


def announce(*, is_leaving: bool = True) -> None:
    """Tell every process of this server."""
    _word[0] = int(is_leaving)


def in_two_steps(stop: Handler, *, seconds: float) -> Handler:
    """A handler for SIGTERM that announces, and calls `stop` `seconds` later; at once for 0 and for a second signal.

    By an alarm and not by a thread: the master forks.
    """

    def handle(number: int, frame: Any) -> None:
        if seconds <= 0 or is_announced():
            stop(number, frame)
            return
        announce()
        signal.signal(signal.SIGALRM, lambda _, at: stop(number, at))
        signal.setitimer(signal.ITIMER_REAL, seconds)

    return handle


def let_nobody_in(listeners: Iterable[socket.socket]) -> None:
    """Ignore new connections, and wait until those that were made are taken.

    A listening socket that is closed resets what waits in its backlog, request and all, and a proxy may not send a POST
    twice. Who is ignored tries again and finds the door closed, or gives up on connecting: a proxy may answer either by
    turning to another server.
    """
    for listener in listeners:
        _ignore_new_connections(listener)
    time.sleep(DOOR_SECONDS)


def _ignore_new_connections(listener: socket.socket) -> None:
    if not sys.platform.startswith("linux"):
        return
    code = b"".join(struct.pack("HBBI", *step) for step in _NO_NEW_CONNECTIONS)
    held = ctypes.create_string_buffer(code, len(code))
    with contextlib.suppress(OSError):  # kernels that are not Linux's own (gVisor) may not have it
        listener.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(_NO_NEW_CONNECTIONS), ctypes.addressof(held))
        )


class Farewell:
    """The application, whose answers end their connections once the server is leaving."""

    def __init__(self, application: Any) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if not is_announced():
            return self._application(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, ("Connection", "close")], *more)

        return self._application(environ, start)
