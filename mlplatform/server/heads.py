"""Heads that came before: a client that asks again sends the same line and headers, and they mean the same.

Only what httptools has read once is known here, and only byte for byte; so nothing is read in two ways.
"""

from hashlib import sha256
from typing import NamedTuple

from mlplatform.server.exchange import Environ, Request

MOST = 1000
_END = b"\r\n\r\n"
_LINE = frozenset({"REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL"})
_HEADERS = ("HTTP_", "CONTENT_")
# Who asks is read from the request each time, and remembered nowhere.
_SECRETS = frozenset({"HTTP_AUTHORIZATION", "HTTP_X_API_KEY"})


class Head(NamedTuple):
    """What a head came to. `secrets`: where in it the values stand that are not kept."""

    environ: Environ
    secrets: tuple[tuple[str, int, int], ...]
    length: int
    keeps_alive: bool


class Heads:
    """The heads of a worker's latest quick requests, by digest. Bounded by forgetting."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}

    def recall(self, data: bytes, common: Environ) -> Request | None:
        """The request that `data` is, if that is one whole request with a head that is known; None: parse it."""
        end = data.find(_END) + len(_END)
        head = self._known.get(sha256(data[:end]).digest())
        if head is None or len(data) != end + head.length:
            return None
        request = Request({**common, **head.environ})
        for name, start, stop in head.secrets:
            request.environ[name] = data[start:stop].decode("latin-1")
        request.length, request.keeps_alive = head.length, head.keeps_alive
        request.received.append(data[end:])
        request.has_head = request.is_complete = True
        return request

    def learn(self, data: bytes, request: Request) -> None:
        """Remember what the head of `data` came to: `request`, and nothing else, was parsed from it."""
        end = data.find(_END) + len(_END)
        environ = {name: value for name, value in request.environ.items() if name in _LINE or name.startswith(_HEADERS)}
        secrets = []
        for name in _SECRETS.intersection(environ):
            value = environ.pop(name).encode("latin-1")
            start = data.find(value, 0, end)
            if start < 0:  # joined of several headers
                return
            secrets.append((name, start, start + len(value)))
        if len(self._known) >= MOST:
            self._known.clear()
        head = Head(environ, tuple(secrets), request.length, request.keeps_alive)
        self._known[sha256(data[:end]).digest()] = head
