"""One request and its answer, as WSGI sees them: from header bytes to an environ, from a WSGI answer to bytes."""

import io
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

import httptools
import orjson

Environ: TypeAlias = dict[str, Any]
Headers: TypeAlias = list[tuple[str, str]]

HEAD_BYTES = 32 * 1024
MOST_HEADERS = 100
TOO_LARGE = (
    "431 Request Header Fields Too Large",
    "headers_too_large",
    f"The headers take more than {HEAD_BYTES} bytes, or are more than {MOST_HEADERS}.",
)
# What a body may hold of memory while nobody reads it.
MOST_UNREAD_BYTES = 1024 * 1024
_BODILESS = ("1", "204", "304")
_SINGLE = frozenset({"CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_HOST", "HTTP_AUTHORIZATION"})


class Malformed(Exception):
    """A request that two readers could read differently, or that is too large to read. `status` is the answer's."""

    def __init__(self, status: str, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def _nothing() -> None:
    return


class Names(dict[bytes, str]):
    """Header names as an environ spells them; "" for one that is left out. Bounded by forgetting."""

    def __missing__(self, name: bytes) -> str:
        text = name.decode("latin-1").upper()
        # An underscore would make X_Real_IP and X-Real-IP one, and a proxy guards only the latter.
        spelled = "" if "_" in text else text.replace("-", "_")
        if spelled and spelled not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            spelled = f"HTTP_{spelled}"
        if len(self) > 1000:
            self.clear()
        self[name] = spelled
        return spelled


_names = Names()


class Request:
    """What has been read of a request. `body`: where the rest of it goes, once somebody reads it elsewhere."""

    __slots__ = (
        "body",
        "environ",
        "has_head",
        "head_bytes",
        "headers",
        "is_complete",
        "keeps_alive",
        "length",
        "received",
        "target",
    )

    def __init__(self, environ: Environ) -> None:
        self.environ = environ
        self.target = b""
        self.head_bytes = self.headers = 0
        self.length = 0  # of the body, as stated
        self.received: list[bytes] = []
        self.body: Body | None = None
        self.has_head = self.is_complete = False
        self.keeps_alive = True

    def add_header(self, name: bytes, value: bytes) -> None:
        """Raises Malformed for a header that must not come twice, and for too many or too large ones."""
        self.head_bytes += len(name) + len(value)
        self.headers += 1
        if self.head_bytes > HEAD_BYTES or self.headers > MOST_HEADERS:
            raise Malformed(*TOO_LARGE)
        spelled = _names[name]
        if not spelled:
            return
        text = value.decode("latin-1")
        environ = self.environ
        if spelled in environ:
            if spelled in _SINGLE:
                raise Malformed("400 Bad Request", "malformed_request", f"{name.decode('latin-1')} came twice.")
            text = f"{environ[spelled]}{'; ' if spelled == 'HTTP_COOKIE' else ','}{text}"
        environ[spelled] = text

    def end_head(self, *, method: str, version: str) -> None:
        """The line and all headers are there. Raises Malformed."""
        self.has_head = True
        environ = self.environ
        environ["REQUEST_METHOD"] = method
        # The parser has seen to it that it is a number.
        self.length = int(environ.get("CONTENT_LENGTH") or 0)
        environ["PATH_INFO"], environ["QUERY_STRING"] = _path_and_query(self.target)
        if version != "1.1":
            environ["SERVER_PROTOCOL"] = "HTTP/1.0"
        elif "HTTP_HOST" not in environ:
            raise Malformed("400 Bad Request", "malformed_request", "The header Host is missing.")

    def add_body(self, data: bytes) -> None:
        if self.body is None:
            self.received.append(data)
        else:
            self.body.feed(data)

    def end_body(self) -> None:
        self.is_complete = True
        if self.body is not None:
            self.body.end()

    def open_body(
        self, *, pause: Callable[[], None] = _nothing, resume: Callable[[], None] = _nothing,
        ask: Callable[[], None] = _nothing,
    ) -> Any:  # fmt: skip
        """A file to read the body from, while it may still arrive; `ask` is called when its rest is first wanted."""
        if self.is_complete:
            return io.BytesIO(b"".join(self.received))
        self.body = Body(pause=pause, resume=resume, ask=ask)
        for data in self.received:
            self.body.feed(data)
        self.received = []
        return io.BufferedReader(self.body, 64 * 1024)


def _path_and_query(target: bytes) -> tuple[str, str]:
    if target.startswith(b"/") and b"#" not in target:
        path, _, query = target.partition(b"?")
    else:
        try:
            url = httptools.parse_url(target)
        except httptools.HttpParserInvalidURLError as error:
            raise Malformed("400 Bad Request", "malformed_request", "The target is not a URL.") from error
        path, query = url.path or b"/", url.query or b""
    if b"%" in path:
        path = unquote_to_bytes(path)
    return path.decode("latin-1"), query.decode("latin-1")


class Body(io.RawIOBase):
    """A body that arrives while it is read: fed by the connection's thread, read by another."""

    def __init__(self, *, pause: Callable[[], None], resume: Callable[[], None], ask: Callable[[], None]) -> None:
        self._pause, self._resume, self._ask = pause, resume, ask
        self._changed = threading.Condition()
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._has_ended = self._is_cut_off = self._is_paused = self._was_asked = False

    def feed(self, data: bytes) -> None:
        with self._changed:
            self._parts.append(data)
            self._size += len(data)
            if self._size > MOST_UNREAD_BYTES and not self._is_paused:
                self._is_paused = True
                self._pause()
            self._changed.notify()

    def end(self) -> None:
        with self._changed:
            self._has_ended = True
            self._changed.notify()

    def cut_off(self) -> None:
        """The client has gone, or has waited too long."""
        with self._changed:
            self._is_cut_off = True
            self._changed.notify()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for some of it. 0 at its end; raises ConnectionResetError when the rest will not come."""
        if not self._was_asked:
            self._was_asked = True
            self._ask()
        with self._changed:
            while not self._parts and not self._has_ended:
                if self._is_cut_off:
                    raise ConnectionResetError("The client went away before the body was complete.")
                self._changed.wait()
            if not self._parts:
                return 0
            data = self._parts.popleft()
            taken = min(len(data), len(buffer))
            buffer[:taken] = data[:taken]
            if taken < len(data):
                self._parts.appendleft(data[taken:])
            self._size -= taken
            if self._is_paused and self._size < MOST_UNREAD_BYTES // 4:
                self._is_paused = False
                self._resume()
            return taken


# -- The answer ---------------------------------------------------------------------------------------


class Answer:
    """`start_response`, and what it was given."""

    __slots__ = ("headers", "status")

    def __init__(self) -> None:
        self.status = ""
        self.headers: Headers = []

    def __call__(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], Any]:
        self.status, self.headers = status, headers
        return _no_write

    def head(self, *, keeps_alive: bool, protocol: str = "HTTP/1.1", is_chunked: bool = False) -> bytes:
        """The answer's first lines, with the empty one."""
        lines = [f"{name}: {value}\r\n" for name, value in self.headers]
        if is_chunked:
            lines.append("Transfer-Encoding: chunked\r\n")
        if not keeps_alive:
            lines.append("Connection: close\r\n")
        elif protocol == "HTTP/1.0":
            lines.append("Connection: keep-alive\r\n")
        return f"HTTP/1.1 {self.status}\r\n{''.join(lines)}{clock.line}\r\n".encode("latin-1")

    def length(self) -> int | None:
        """What it says of its body's length."""
        return next((int(value) for name, value in self.headers if name.lower() == "content-length"), None)

    def take_close(self) -> bool:
        """Whether the application ends the connection; its header is taken out, `head` writes it."""
        if not any(name == "Connection" for name, _ in self.headers):
            return False
        self.headers = [(name, value) for name, value in self.headers if name != "Connection"]
        return True

    @property
    def is_bodiless(self) -> bool:
        return self.status.startswith(_BODILESS)


def _no_write(data: bytes) -> None:
    raise NotImplementedError("write() is not offered: return the body.")


class Clock:
    """The header that tells the time, made once a second."""

    def __init__(self) -> None:
        self.line = ""
        self.tick()

    def tick(self) -> None:
        self.line = f"Date: {formatdate(time.time(), usegmt=True)}\r\n"


clock = Clock()


def whole(chunks: Iterable[bytes]) -> bytes:
    """The body of an answer that comes at once."""
    if isinstance(chunks, tuple) and len(chunks) == 1:
        return bytes(chunks[0])
    try:
        return b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def told(status: str, code: str, message: str, *, retry_after_seconds: int = 0) -> bytes:
    """A whole answer to a request that no application sees, in the shape of all errors; the connection ends."""
    text = orjson.dumps({"error": {"code": code, "message": message, "details": {}, "request_id": ""}})
    answer = Answer()
    answer(status, [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    if retry_after_seconds:
        answer.headers.append(("Retry-After", str(retry_after_seconds)))
    return answer.head(keeps_alive=False) + text


def environ_of(*, here: Any, peer: Any) -> Environ:
    """What all requests of a connection have in common. `here` and `peer` are addresses of sockets."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": str(here[0]),
        "SERVER_PORT": str(here[1]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": str(peer[0]),
        "REMOTE_PORT": str(peer[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
