"""One request on a thread of its own: everything that may take its time."""

import logging
import time
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, Any

from accounts.arrival import ARRIVED
from mlplatform.server import exchange
from mlplatform.server.exchange import Answer, Request

if TYPE_CHECKING:
    from mlplatform.server.connection import Connection, House

log = logging.getLogger(__name__)

PIECE_BYTES = 64 * 1024
STALLED_SECONDS = 60.0
"""How long a client may take nothing of an answer that waits for it."""
_OVERLOADED = ("503 Service Unavailable", "overloaded", "Too many requests wait for a thread. Try again in a second.")
_OUR_FAULT = ("500 Internal Server Error", "internal_error", "Something went wrong on our side.")


class _Gone(Exception):
    """Nobody waits for the rest of the answer."""


class Elsewhere:
    """Answers one request of a connection: `run` on another thread, or `give_up` on the connection's, once."""

    def __init__(self, connection: "Connection", house: "House", request: Request) -> None:
        self._connection, self._house, self._request = connection, house, request
        self._has_begun = False
        request.environ[ARRIVED] = time.perf_counter()

    def give_up(self) -> None:
        """Tell the client to come again: no thread would answer in time."""
        self._connection.finish(exchange.told(*_OVERLOADED, retry_after_seconds=1), keeps_alive=False)

    def run(self) -> None:
        """Ask the application and give its answer to the connection. Never raises."""
        answer, chunks = Answer(), None
        try:
            chunks = self._house.application(self._request.environ, answer)
            self._send(answer, chunks)
        except _Gone:
            self._on_loop(self._connection.abort)
        except Exception:
            log.exception("a request was not answered")
            if self._has_begun:
                self._on_loop(self._connection.abort)
            else:
                self._on_loop(self._connection.finish, exchange.told(*_OUR_FAULT), False)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    def _send(self, answer: Answer, chunks: Any) -> None:
        request, protocol = self._request, self._request.environ["SERVER_PROTOCOL"]
        has_body = request.environ["REQUEST_METHOD"] != "HEAD" and not answer.is_bodiless
        length = answer.length()
        is_chunked = has_body and length is None and protocol == "HTTP/1.1"
        keeps_alive = request.keeps_alive and not answer.take_close() and not self._house.is_leaving()
        # An answer before the body was read to its end closes the connection; so does one that only closing ends.
        keeps_alive = keeps_alive and request.is_complete and (length is not None or is_chunked or not has_body)
        held, sent = answer.head(keeps_alive=keeps_alive, protocol=protocol, is_chunked=is_chunked), 0
        for chunk in chunks if has_body else ():
            if not chunk:
                continue
            sent += len(chunk)
            held += b"%x\r\n%b\r\n" % (len(chunk), chunk) if is_chunked else chunk
            if length is None or len(held) >= PIECE_BYTES:  # what comes bit by bit is passed on bit by bit
                self._give(held)
                held = b""
        if is_chunked:
            held += b"0\r\n\r\n"
        is_whole = not has_body or length is None or sent == length
        self._on_loop(self._connection.finish, held, keeps_alive and is_whole)

    def _give(self, data: bytes) -> None:
        """Have some bytes written, and wait while the client takes them more slowly than they come."""
        self._has_begun = True
        written = Event()

        def write() -> None:
            self._connection.write(data)
            written.set()

        self._on_loop(write)
        if not written.wait(STALLED_SECONDS) or not self._connection.drained.wait(STALLED_SECONDS):
            raise _Gone
        if self._connection.is_lost:
            raise _Gone

    def _on_loop(self, act: Callable[..., None], *arguments: Any) -> None:
        if not self._house.loop.is_closed():
            self._house.loop.call_soon_threadsafe(act, *arguments)
