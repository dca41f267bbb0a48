"""One keep-alive HTTP connection for measuring: requests are bytes made beforehand, answers are read as they come."""

import re
import socket
import ssl
import struct
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

SECONDS_TO_CONNECT = 10.0
_PIECE = 256 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)\s*\r\n", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection:\s*close\s*\r\n", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"


class Broken(Exception):
    """The connection ended, or what came is not an HTTP answer with a length."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the platform listens."""

    host: str
    port: int
    is_secure: bool
    prefix: str

    @classmethod
    def of(cls, url: str) -> "Address":
        """Raises ValueError for what isn't an http(s) URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not an http(s) URL.")
        is_secure = parts.scheme == "https"
        return cls(parts.hostname, parts.port or (443 if is_secure else 80), is_secure, parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_secure else 80) else f"{host}:{self.port}"


def render(
    address: Address, method: str, path: str, *, headers: dict[str, str] | None = None, body: bytes = b""
) -> bytes:
    """A whole request as bytes."""
    lines = [f"{method} {address.prefix}{path} HTTP/1.1", f"Host: {address.authority}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method not in ("GET", "HEAD"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Link:
    """Blocking; a selector may wait on `fileno()` and then call `receive`."""

    def __init__(self, address: Address, *, timeout: float) -> None:
        self._address, self._timeout = address, timeout
        self._socket = self._connect()
        self._buffer = bytearray()
        self._total = -1
        self.sent_at = 0.0
        self.closes = False
        """Whether the server said that it ends the connection after the answer."""

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, request: bytes) -> None:
        """Send a request. Raises Broken."""
        self._buffer.clear()
        self._total = -1
        self.sent_at = time.perf_counter()
        try:
            self._socket.sendall(request)
        except OSError as error:
            raise Broken(_kind(error)) from error

    def receive(self) -> tuple[int, bytes] | None:
        """Read what has come; (status, body) when the answer is whole, else None. Raises Broken."""
        try:
            piece = self._socket.recv(_PIECE)
            while isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
                piece += self._socket.recv(_PIECE)
        except OSError as error:
            raise Broken(_kind(error)) from error
        if not piece:
            raise Broken("connection closed")
        self._buffer += piece
        if self._total < 0 and not self._read_head():
            return None
        if len(self._buffer) < self._total:
            return None
        head_end = self._buffer.index(_END_OF_HEAD) + len(_END_OF_HEAD)
        return int(self._buffer[9:12]), bytes(self._buffer[head_end : self._total])

    def ask(self, request: bytes) -> tuple[int, bytes, float]:
        """Send and wait: (status, body, milliseconds). Raises Broken."""
        self.send(request)
        while (answer := self.receive()) is None:
            pass
        return *answer, (time.perf_counter() - self.sent_at) * 1000

    def close(self) -> None:
        self._socket.close()

    def _read_head(self) -> bool:
        end = self._buffer.find(_END_OF_HEAD)
        if end < 0:
            return False
        head = bytes(self._buffer[: end + 2])
        length = _LENGTH.search(head)
        if not head.startswith(b"HTTP/1.") or length is None:
            raise Broken("answer without a length")
        self._total = end + len(_END_OF_HEAD) + int(length[1])
        self.closes = _CLOSES.search(head) is not None
        return True

    def _connect(self) -> socket.socket:
        try:
            raw = socket.create_connection((self._address.host, self._address.port), timeout=SECONDS_TO_CONNECT)
        except OSError as error:
            raise Broken(_kind(error)) from error
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._address.is_secure:
            raw = ssl.create_default_context().wrap_socket(raw, server_hostname=self._address.host)
        # The kernel keeps the time: a timeout of Python's own costs a system call for each read.
        limit = struct.pack("ll", int(self._timeout), int(self._timeout % 1 * 1e6))
        raw.settimeout(None)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        return raw


def _kind(error: OSError) -> str:
    return "timeout" if isinstance(error, TimeoutError | BlockingIOError) else f"connection: {error.strerror or error}"
