"""A connection: reads requests, has them answered in the order they came, writes the answers.

Everything here runs on the worker's reading thread; `elsewhere` answers on others.
"""

import asyncio
import enum
import logging
from collections import deque
from collections.abc import Callable
from threading import Event
from typing import Any, NamedTuple

import httptools

from mlplatform.server import exchange
from mlplatform.server.elsewhere import STALLED_SECONDS, Elsewhere
from mlplatform.server.exchange import Answer, Environ, Malformed, Request
from mlplatform.server.heads import Heads
from mlplatform.server.pool import Task

log = logging.getLogger(__name__)

HEAD_SECONDS = 15.0
"""How long a client may take for a request's line and headers."""
BODY_SECONDS = 60.0
"""How long a body may stand still."""
IDLE_SECONDS = 75.0
"""How long a connection is kept for a next request: longer than proxies keep theirs (nginx 60 s)."""
LINGER_SECONDS = 2.0
"""How long an answer may take to reach a client that is still sending."""
# More requests than these, sent without waiting for answers, are left in the kernel's buffer.
MOST_AHEAD = 8
# A prediction of one row, or a few; more are worth another thread.
QUICK_BODY_BYTES = 4096
_MALFORMED = Malformed("400 Bad Request", "malformed_request", "This is not a request of HTTP/1.1.")


class House(NamedTuple):
    """What all connections of a worker share.

    `is_quick` says of an environ, and what has arrived of the body, whether `application` answers it in less time than
    handing it to a thread would take, without waiting for anything, and with a length; `is_brief`, whether all that it
    waits for is a word of the database or of Redis. `submit` has another thread do something, and is told whether it is
    brief; it returns False when that would not be begun in time. `hand_over` gives a connection, its file and what was
    read of a request, to the process that answers such; it returns False when that is this one.
    """

    application: Callable[[Environ, Answer], Any]
    is_quick: Callable[[Environ, bytes], bool]
    is_brief: Callable[[Environ, bytes], bool]
    is_leaving: Callable[[], bool]
    submit: Callable[[Task, bool], bool]
    hand_over: Callable[[Environ, int, bytes], bool]
    loop: asyncio.AbstractEventLoop
    connections: "set[Connection]"
    heads: Heads


class State(enum.Enum):
    """What a connection waits for; it decides how long it may."""

    IDLE = IDLE_SECONDS
    HEAD = HEAD_SECONDS
    BODY = BODY_SECONDS  # of a request that is answered here, all at once
    ANSWER = float("inf")
    LINGER = LINGER_SECONDS


class Connection(asyncio.Protocol):
    """The protocol of one connection; also what httptools calls while it parses.

    `begun`: what another process has read from it.
    """

    def __init__(self, house: House, begun: bytes = b"") -> None:
        self._house, self._begun = house, begun
        self._requests: deque[Request] = deque()  # the first one is being answered
        self._state, self._since = State.IDLE, 0.0
        self._refusal: Malformed | None = None
        self._unparsed_bytes = 0
        self._piece = b""  # what was read since a request began, until it is known what becomes of it
        self._is_paused = self._is_staying = False
        self.is_lost = False
        self.drained = Event()

    # -- What the loop calls --------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        here, peer = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        self._common = exchange.environ_of(here=here, peer=peer or ("", 0))
        self._parser = httptools.HttpRequestParser(self)
        self._house.connections.add(self)
        self.drained.set()
        self._enter(State.IDLE)
        if self._begun:
            self.data_received(self._begun)
            self._begun = b""

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        self._state = State.LINGER
        self.drained.set()
        self._house.connections.discard(self)
        for request in self._requests:
            if request.body is not None:
                request.body.cut_off()

    def data_received(self, data: bytes) -> None:
        if self._state is State.LINGER or self._refusal is not None:
            return
        if self._state is not State.IDLE:
            if self._piece:
                self._piece += data
            self._parse(data)
        elif known := self._house.heads.recall(data, self._common):
            self._requests.append(known)
        else:
            self._piece = data
            self._parse(data)
        if self._state is State.ANSWER or self._state is State.BODY:
            self._since = self._house.loop.time()
        self._answer_next()
        if self._state is not State.HEAD:
            self._piece = b""

    def pause_writing(self) -> None:
        self.drained.clear()
        self._pause()  # who takes no answers asks no more questions

    def resume_writing(self) -> None:
        self.drained.set()
        self._resume()
        self._house.loop.call_soon(self._answer_next)

    # -- What the worker calls ------------------------------------------------------------------------

    def look(self, now: float) -> None:
        """End what has waited too long. Called about once a second."""
        waited = now - self._since
        if waited > self._state.value + STALLED_SECONDS:
            self._transport.abort()  # it was closed and takes nothing
        elif waited > self._state.value:
            self._transport.close()
        elif self._state is State.ANSWER and not self._is_paused and waited > BODY_SECONDS:
            body = self._requests[0].body
            if body is not None and not self._requests[0].is_complete:
                body.cut_off()

    def leave(self) -> None:
        """The worker ends: what has begun is answered."""
        if self._state in (State.IDLE, State.HEAD):
            self._transport.close()

    # -- What the parser calls ------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._is_staying:
            return
        self._requests.append(Request(self._common.copy()))
        self._unparsed_bytes = 0
        if self._state is State.IDLE:
            self._enter(State.HEAD)
        if len(self._requests) > MOST_AHEAD:
            self._pause()

    def on_url(self, target: bytes) -> None:
        if not self._is_staying:
            self._requests[-1].target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_staying:
            self._requests[-1].add_header(name, value)

    def on_headers_complete(self) -> None:
        if self._is_staying:
            return
        request = self._requests[-1]
        request.end_head(method=self._parser.get_method().decode("latin-1"), version=self._parser.get_http_version())
        request.keeps_alive = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        self._requests[-1].add_body(data)

    def on_message_complete(self) -> None:
        request = self._requests[-1]
        if not self._parser.should_upgrade() or not request.length:
            request.end_body()

    # -- Reading --------------------------------------------------------------------------------------

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(error, httptools.HttpParserCallbackError) and not isinstance(cause, Malformed):
                raise  # our own mistake; the loop logs it and ends the connection
            self._end_reading(cause if isinstance(cause, Malformed) else _MALFORMED)
        else:
            if self._requests and not self._requests[-1].has_head:
                self._unparsed_bytes += len(data)
                if self._unparsed_bytes > 2 * exchange.HEAD_BYTES:
                    self._end_reading(Malformed(*exchange.TOO_LARGE))

    def _stay(self, rest: bytes) -> None:
        """Go on with HTTP/1.1 after a request that offered another protocol, as Java's client does at first.

        The parser leaves such a request's body unread, so another one is told that it is in the middle of it.
        """
        self._parser = httptools.HttpRequestParser(self)
        if not self._requests[-1].is_complete:
            self._is_staying = True
            self._parser.feed_data(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % self._requests[-1].length)
            self._is_staying = False
        if rest:
            self._parse(rest)

    def _end_reading(self, refusal: Malformed) -> None:
        """Nothing more can be read; what came before is still answered."""
        self._refusal = refusal
        if self._requests and not self._requests[-1].is_complete:
            broken = self._requests[-1]
            if broken.body is not None:
                broken.body.cut_off()
            else:
                self._requests.pop()

    # -- Answering ------------------------------------------------------------------------------------

    def _answer_next(self) -> None:
        """Answer the first request, or have it answered; then those that came with it."""
        while self._state is not State.ANSWER and self._state is not State.LINGER and self.drained.is_set():
            if not self._requests:
                if self._refusal is not None:
                    self._refuse(self._refusal)
                return
            request = self._requests[0]
            if not request.has_head:
                return
            if not self._is_quick(request):
                if not self._is_handed_over(request):
                    self._answer_elsewhere(request)
                return
            if not request.is_complete:
                # Whoever sends slowly holds no thread.
                if self._state is not State.BODY:
                    self._enter(State.BODY)
                return
            if self._piece and len(self._requests) == 1 and self._refusal is None:
                self._learn(request)
            self._answer_here(request)

    def _learn(self, request: Request) -> None:
        """If all that was read is this one request, its head needn't be parsed again."""
        is_alone = len(self._piece) == self._piece.find(b"\r\n\r\n") + 4 + request.length
        if is_alone and "HTTP_UPGRADE" not in request.environ:
            self._house.heads.learn(self._piece, request)

    def _is_quick(self, request: Request) -> bool:
        return request.length <= QUICK_BODY_BYTES and self._house.is_quick(request.environ, b"".join(request.received))

    def _is_handed_over(self, request: Request) -> bool:
        """Whether another process answers it, and has the connection from now on."""
        is_all_there_is = self._piece and len(self._requests) == 1 and not self._transport.get_write_buffer_size()
        if not is_all_there_is or self._refusal is not None:
            return False
        file = self._transport.get_extra_info("socket").fileno()
        if not self._house.hand_over(request.environ, file, self._piece):
            return False
        self._requests.clear()
        self._enter(State.LINGER)
        self._transport.abort()  # closes the file here, and says nothing to the client
        return True

    def _is_brief(self, request: Request) -> bool:
        """Never one that is still arriving: who sends slowly must not hold up those who are quick."""
        is_short = request.is_complete and request.length <= QUICK_BODY_BYTES
        return is_short and self._house.is_brief(request.environ, b"".join(request.received))

    def _answer_here(self, request: Request) -> None:
        request.environ["wsgi.input"] = request.open_body()
        answer = Answer()
        text = exchange.whole(self._house.application(request.environ, answer))
        keeps_alive = request.keeps_alive and not answer.take_close() and not self._house.is_leaving()
        protocol = request.environ["SERVER_PROTOCOL"]
        self._transport.write(answer.head(keeps_alive=keeps_alive, protocol=protocol) + text)
        self._end_request(keeps_alive=keeps_alive)

    def _answer_elsewhere(self, request: Request) -> None:
        self._enter(State.ANSWER)
        is_brief = self._is_brief(request)
        request.environ["wsgi.input"] = request.open_body(
            pause=self._pause, resume=self._from_afar(self._resume), ask=self._from_afar(self._ask_for_body)
        )
        task = Elsewhere(self, self._house, request)
        if not self._house.submit(task, is_brief):
            task.give_up()

    def write(self, data: bytes) -> None:
        """Give bytes of the answer to the client, if there still is one."""
        if not self.is_lost:
            self._transport.write(data)

    def finish(self, data: bytes, keeps_alive: bool) -> None:
        """Give the last bytes of the answer, and go on to the next request."""
        if not self.is_lost:
            self._transport.write(data)
            self._end_request(keeps_alive=keeps_alive)
            self._answer_next()

    def abort(self) -> None:
        """An answer can't be brought to its end: the client must not take it for a whole one."""
        self._transport.abort()

    def _end_request(self, *, keeps_alive: bool) -> None:
        request = self._requests.popleft()
        self._piece = b""
        if not request.is_complete:
            self._linger()
        elif not keeps_alive:
            self._enter(State.LINGER)
            self._transport.close()
        else:
            self._enter(State.HEAD if self._requests else State.IDLE)
            if len(self._requests) <= MOST_AHEAD:
                self._resume()

    def _refuse(self, refusal: Malformed) -> None:
        self._transport.write(exchange.told(refusal.status, refusal.code, str(refusal)))
        self._linger()

    def _linger(self) -> None:
        """Say that this was all, and let the client finish: closed at once, it might never see the answer."""
        self._enter(State.LINGER)
        self._resume()
        self._transport.write_eof()

    def _ask_for_body(self) -> None:
        request = self._requests[0]
        if not self.is_lost and request.environ.get("HTTP_EXPECT", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _enter(self, state: State) -> None:
        self._state, self._since = state, self._house.loop.time()

    def _pause(self) -> None:
        if not self._is_paused and not self.is_lost:
            self._is_paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._is_paused and not self.is_lost:
            self._is_paused = False
            self._since = self._house.loop.time()
            self._transport.resume_reading()

    def _from_afar(self, act: Callable[[], None]) -> Callable[[], None]:
        """The same, to be called on another thread."""
        return lambda: _soon(self._house.loop, act)


def _soon(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(act)
