"""How a connection goes from one process of the server to another, together with what it has begun to ask.

A passage is the master's, as its listening sockets are: what is on its way while a process ends waits for the next one.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial

log = logging.getLogger(__name__)

BEGUN_BYTES = 256 * 1024
"""What a connection may bring along: as much as a loop reads at once."""


class Passage:
    """A way to some processes: each connection that is given is taken by one of them. To be made before they fork."""

    def __init__(self) -> None:
        self._far, self._near = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in (self._far, self._near):
            end.setblocking(False)
        self._near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BEGUN_BYTES)  # at first less than one such message

    def give(self, connection: int, begun: bytes) -> bool:
        """Send a connection's file, and what was read from it; the giver closes its own.

        False when it can't go: so much was read, or so many are on their way.
        """
        if len(begun) > BEGUN_BYTES:
            return False  # it would be cut off
        try:
            socket.send_fds(self._near, [begun], [connection])
        except OSError:
            return False
        return True

    def take(self) -> tuple[socket.socket, bytes] | None:
        """The next one whose client is still there; None when there is none."""
        while True:
            try:
                begun, files, _, _ = socket.recv_fds(self._far, BEGUN_BYTES, 1)
            except BlockingIOError:
                return None
            if not files:
                log.error("a connection is lost: this process has as many open files as it may")
                continue
            connection = socket.socket(fileno=files[0])
            connection.set_inheritable(False)
            try:
                connection.getpeername()
            except OSError:
                connection.close()
            else:
                return connection, begun

    def fileno(self) -> int:
        """What is readable when there is something to take."""
        return self._far.fileno()

    def close(self) -> None:
        """Nobody uses it any more."""
        self._far.close()
        self._near.close()


class Reception:
    """Takes what comes through a passage, until it is closed. `greet` makes a protocol, given what was read before."""

    def __init__(
        self, passage: Passage, loop: asyncio.AbstractEventLoop, greet: Callable[[bytes], asyncio.Protocol]
    ) -> None:
        self._passage, self._loop, self._greet = passage, loop, greet
        self._arriving: set[asyncio.Task[None]] = set()
        loop.add_reader(passage.fileno(), self._take)

    async def close(self) -> None:
        """Take what is there, and nothing more."""
        self._loop.remove_reader(self._passage.fileno())
        while self._take():
            pass
        await asyncio.gather(*self._arriving)

    def _take(self) -> bool:
        taken = self._passage.take()
        if taken is None:
            return False
        task = self._loop.create_task(self._let_in(*taken))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)
        return True

    async def _let_in(self, connection: socket.socket, begun: bytes) -> None:
        try:
            await self._loop.connect_accepted_socket(partial(self._greet, begun), connection)
        except OSError:
            connection.close()  # the client has gone meanwhile
