"""A way to a server that a test can slow down, stop, cut and mend, so that no test stops a server others use."""

import contextlib
import socket
import struct
import threading
import time
from typing import Self


class FaultProxy:
    """Passes bytes between its port and a server's on this machine.

    `latency_seconds` holds up each piece in either direction. `is_black_hole`: bytes are taken and go nowhere, new
    connections are taken and never answered, as behind a firewall that drops.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._sockets: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.port = 0
        self.latency_seconds = 0.0
        self.is_black_hole = False

    def __enter__(self) -> Self:
        self.mend()
        return self

    def __exit__(self, *details: object) -> None:
        self.cut()

    def mend(self) -> None:
        """Pass everything on, at once; listen again, on the same port, when it was cut. What fell into the hole is
        lost: its connections are reset."""
        was_black_hole, self.is_black_hole, self.latency_seconds = self.is_black_hole, False, 0.0
        if was_black_hole:
            self.reset()
        if self._listener is not None:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.port, self._listener = listener.getsockname()[1], listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Close the door and every connection: whoever comes is refused."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self._end_connections()

    def reset(self) -> None:
        """End every connection as a machine does that has forgotten it; new ones are let in."""
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._end_connections()

    def _end_connections(self) -> None:
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._sockets = []

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                try:
                    server = socket.create_connection(("127.0.0.1", self._target_port))
                except OSError:
                    client.close()
                    continue
                self._sockets += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.latency_seconds:
                    time.sleep(self.latency_seconds)
                if not self.is_black_hole:
                    target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()
