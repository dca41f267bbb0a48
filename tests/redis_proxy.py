"""A way to Redis that a test can cut and mend, so that no test stops the machine's own Redis."""

import contextlib
import os
import socket
import threading
from typing import Self

import redis


def own_redis_url() -> str:
    """A database of Redis that no other process of this test run uses."""
    return f"redis://127.0.0.1:6379/{own_redis_database()}"


def own_redis_database() -> int:
    """Its number: tests that run side by side must not empty each other's."""
    return 11 - int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def redis_answers(url: str) -> bool:
    """Whether a Redis server answers there."""
    with contextlib.closing(redis.Redis.from_url(url, socket_connect_timeout=0.5, socket_timeout=0.5)) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


class RedisProxy:
    """Passes bytes between its port and Redis's."""

    def __init__(self, redis_port: int = 6379) -> None:
        self._redis_port = redis_port
        self._sockets: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.port = 0

    def url(self, database: int) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"

    def __enter__(self) -> Self:
        self.mend()
        return self

    def __exit__(self, *details: object) -> None:
        self.cut()

    def mend(self) -> None:
        """Listen (again, on the same port)."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.port, self._listener = listener.getsockname()[1], listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Close the door and every connection."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._sockets = []

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self._redis_port))
                self._sockets += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    source.close()
