"""What a connection makes of bytes: whole requests, pieces, several at once, and what is no request."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from typing import Any
from unittest import mock

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplatform.server import connection
from mlplatform.server import pool as server_pool
from mlplatform.server.connection import Connection, House
from mlplatform.server.exchange import Request
from mlplatform.server.heads import Heads
from mlplatform.server.pool import Pool, Task

READING_THREAD = "the reading thread"
PATIENCE = 60
PROBE = "/probe"


class Site:
    """An application that tells what it was asked, and how it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.threads: list[str] = []
        self.is_leaving = False
        self.patience_seconds = 60.0
        self.go_on = threading.Event()
        self.pool: Pool | None = None

    def is_quick(self, environ: dict[str, Any], body: bytes) -> bool:
        return environ["PATH_INFO"] in ("/quick", "/quick/told")

    def is_brief(self, environ: dict[str, Any], body: bytes) -> bool:
        return bool(environ["PATH_INFO"] == "/brief")

    def submit(self, task: Task, is_brief: bool) -> bool:
        assert self.pool is not None
        if is_brief:
            threading.Thread(target=task.run, name="spare").start()
        return is_brief or self.pool.submit(task)

    def house(self, loop: asyncio.AbstractEventLoop) -> House:
        """Of a process that hands nothing over."""
        return House(
            application=self,
            is_quick=self.is_quick,
            is_brief=self.is_brief,
            is_leaving=lambda: self.is_leaving,
            submit=self.submit,
            hand_over=lambda *_: False,
            loop=loop,
            connections=set(),
            heads=Heads(),
        )

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        path, read = environ["PATH_INFO"], environ["wsgi.input"].read
        if path == PROBE:
            start("204 No Content", [])
            return [b""]
        self.asked.append(f"{environ['REQUEST_METHOD']} {path}?{environ['QUERY_STRING']}")
        self.threads.append(threading.current_thread().name)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        match path:
            case "/chunks" | "/numbers":
                start("200 OK", [("Content-Type", "text/plain")])
                return self._chunks(3 if path == "/chunks" else 2_000)
            case "/breaks":
                start("200 OK", [("Content-Length", "100000")])
                return self._breaks()
            case "/raises":
                raise RuntimeError("planned")
            case "/unread":
                start("401 Unauthorized", [("Content-Length", "2")])
                return [b"no"]
            case "/waits":
                self.go_on.wait(PATIENCE)
                text = b"waited"
            case "/headers":
                text = repr(sorted((name, value) for name, value in environ.items() if name[:4] == "HTTP")).encode()
            case "/quick/told":
                told = {
                    name: value
                    for name, value in environ.items()
                    if not name.startswith(("wsgi.", "SERVER_PORT", "REMOTE_PORT"))
                }
                text = repr(sorted(told.items())).encode() + read(length)
            case "/empty":
                start("204 No Content", [])
                return [b""]
            case "/count":
                taken = 0
                while taken < length:
                    taken += len(read(min(65536, length - taken)))
                text = str(taken).encode()
            case _:
                text = f"{path} ".encode() + read(length)
        start("200 OK", [("Content-Length", str(len(text)))])
        return [text]

    def _chunks(self, count: int) -> Iterator[bytes]:
        for number in range(count):
            yield f"{number};".encode() * (1 if count < 10 else 50)

    def _breaks(self) -> Iterator[bytes]:
        yield b"a" * 70_000
        raise RuntimeError("planned")


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]


def talk(talking: Talk, site: Site | None = None) -> Any:
    """Serve on a free port while `talking` runs; what it returns."""
    site = site or Site()

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        threading.current_thread().name = READING_THREAD
        site.pool = Pool(2, patience_seconds=site.patience_seconds, call_later=loop.call_later)
        house = site.house(loop)
        server = await loop.create_server(lambda: Connection(house), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2], limit=1 << 24)
        try:
            return await asyncio.wait_for(talking(reader, writer), PATIENCE)
        finally:
            writer.close()
            server.close()

    return uvloop.run(main())


def say(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def get(path: str, *more: str) -> bytes:
    return say(f"GET {path} HTTP/1.1", "Host: here", *more)


def post(path: str, body: bytes, *more: str, length: int | None = None) -> bytes:
    stated = f"Content-Length: {len(body) if length is None else length}"
    return say(f"POST {path} HTTP/1.1", "Host: here", stated, *more, body=body)


async def answer(reader: asyncio.StreamReader, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:-2])}
    body = b""
    if not has_body:
        pass
    elif headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(lines[0].split(" ")[1]), headers, body


def exchange(*sent: bytes, count: int = 1, has_body: bool = True, site: Site | None = None) -> Any:
    """Send all of it, read so many answers, then tell whether the connection ended: ([answers], ended)."""

    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        for part in sent:
            writer.write(part)
            await asyncio.sleep(0.01 if len(sent) > 1 else 0)
        answers = [await answer(reader, has_body=has_body) for _ in range(count)]
        return answers, await takes_no_more(reader, writer)

    return talk(talking, site)


async def takes_no_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether the connection takes no other request, however long that takes to tell."""
    writer.write(get(PROBE))
    try:
        told = await reader.readuntil(b"\r\n\r\n")
    except ConnectionError:
        return True
    except asyncio.IncompleteReadError as end:
        told = end.partial
    assert not told or told.startswith(b"HTTP/1.1 204 ")
    return not told


def test_a_quick_request_is_answered_on_the_reading_thread_and_every_other_elsewhere() -> None:
    site = Site()
    answers, has_ended = exchange(post("/quick", b"one"), post("/slow", b"two"), count=2, site=site)
    assert [text for _, _, text in answers] == [b"/quick one", b"/slow two"]
    assert [name == READING_THREAD for name in site.threads] == [True, False]
    assert not has_ended


HEADERS = ("X-API-Key: one", "X-API-Key: two", "X-API-Key: here", "Authorization: Bearer x", "Accept: */*", "X-A: 1")


@given(
    st.lists(st.tuples(st.lists(st.sampled_from(HEADERS), max_size=3, unique=True), st.binary(min_size=1, max_size=3)))
)
@settings(max_examples=25)
def test_a_head_that_came_before_means_what_it_meant(asked: list[tuple[list[str], bytes]]) -> None:
    requests = [post("/quick/told", body, *headers) for headers, body in asked] * 2

    async def one_by_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        answers = []
        for request in requests:
            writer.write(request)
            answers.append((await answer(reader))[2])
        return answers

    with mock.patch.object(Heads, "recall", return_value=None):
        parsed = talk(one_by_one)
    assert talk(one_by_one) == parsed


def test_a_known_head_is_not_parsed_and_no_secret_of_it_is_kept() -> None:
    heads, common = Heads(), {"REMOTE_ADDR": "::1"}
    whole = post("/quick", b"ab", "X-API-Key: mlp_one", "Accept: */*")
    parsed = Request(common | {"HTTP_HOST": "here", "HTTP_X_API_KEY": "mlp_one", "HTTP_ACCEPT": "*/*"})
    parsed.length = 2
    heads.learn(whole, parsed)
    assert "mlp_one" not in repr(heads._known)
    known = heads.recall(whole[:-2] + b"cd", {"REMOTE_ADDR": "::2"})
    assert known is not None
    assert known.environ == parsed.environ | {"REMOTE_ADDR": "::2"}
    assert (known.is_complete, known.open_body().read()) == (True, b"cd")


@pytest.mark.parametrize(
    "change", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b + b, lambda b: b.replace(b"q", b"Q")]
)
def test_what_differs_by_a_byte_from_a_known_head_or_is_not_one_whole_request_is_parsed(change: Any) -> None:
    heads, whole = Heads(), post("/quick", b"ab")
    parsed = Request({})
    parsed.length = 2
    heads.learn(whole, parsed)
    assert heads.recall(whole, {}) is not None
    assert heads.recall(change(whole), {}) is None


def test_requests_sent_together_are_answered_in_their_order() -> None:
    kinds = ["/quick", "/slow", "/chunks", "/quick", "/slow"] * 6
    answers, _ = exchange(b"".join(post(path, b"x") for path in kinds), count=len(kinds))
    told = [text.decode().split(" ")[0] for _, _, text in answers]
    assert told == ["0;1;2;" if path == "/chunks" else path for path in kinds]


@given(st.lists(st.integers(1, 150), max_size=5), st.sampled_from(["/quick", "/slow"]))
@settings(max_examples=15)
def test_it_does_not_matter_in_which_pieces_a_request_comes(cuts: list[int], path: str) -> None:
    whole = post(path, b"body", "X-Long: " + "a" * 50)
    edges = [0, *sorted({min(cut, len(whole)) for cut in cuts}), len(whole)]
    answers, _ = exchange(*(whole[start:end] for start, end in pairwise(edges)))
    assert answers[0][2] == f"{path} body".encode()


def test_a_large_body_is_read_while_it_arrives_and_never_held_as_a_whole() -> None:
    size = 12 * 1024 * 1024
    answers, _ = exchange(post("/count", b"", length=size) + b"a" * size)
    assert answers[0][2] == str(size).encode()


def test_an_answer_of_unknown_length_comes_in_chunks_and_to_an_old_client_until_the_end() -> None:
    answers, has_ended = exchange(get("/numbers"))
    assert (len(answers[0][2]), has_ended) == (sum(len(f"{n};") * 50 for n in range(2_000)), False)

    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"GET /chunks HTTP/1.0\r\n\r\n")
        return await reader.read()

    assert talk(old).endswith(b"\r\n\r\n0;1;2;")


def test_head_and_empty_answers_have_no_body_and_keep_the_connection() -> None:
    answers, has_ended = exchange(
        say("HEAD /slow HTTP/1.1", "Host: here"), say("DELETE /empty HTTP/1.1", "Host: here"), count=2, has_body=False
    )
    assert [(status, headers.get("content-length")) for status, headers, _ in answers] == [(200, "6"), (204, None)]
    assert not has_ended


def test_an_old_client_keeps_its_connection_only_if_it_asks() -> None:
    assert exchange(b"GET /slow HTTP/1.0\r\n\r\n")[1]
    answers, has_ended = exchange(b"GET /slow HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert (answers[0][1]["connection"], has_ended) == ("keep-alive", False)


def test_a_body_is_asked_for_only_when_somebody_wants_it() -> None:
    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        writer.write(post("/slow", b"", "Expect: 100-continue", length=4))
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"late")
        return first, (await answer(reader))[2]

    assert talk(talking) == (b"HTTP/1.1 100 Continue\r\n\r\n", b"/slow late")
    answers, has_ended = exchange(post("/unread", b"", "Expect: 100-continue", length=10_000_000))
    assert (answers[0][0], has_ended) == (401, True)


def test_an_answer_to_a_request_that_is_still_being_sent_arrives() -> None:
    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        writer.write(post("/unread", b"a" * 1000, length=50_000_000))
        for _ in range(20):
            writer.write(b"a" * 100_000)
            await asyncio.sleep(0.005)
        return await answer(reader)

    assert talk(talking)[0] == 401


def test_a_client_that_goes_away_in_the_middle_of_its_body_frees_the_thread() -> None:
    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        port = writer.get_extra_info("peername")[1]
        for _ in range(4):  # more than there are threads
            _, other = await asyncio.open_connection("127.0.0.1", port)
            other.write(post("/slow", b"a", length=100))
            await asyncio.sleep(0.05)
            other.transport.abort()
        writer.write(get("/slow"))
        return await answer(reader)

    assert talk(talking)[0] == 200


def test_a_body_that_arrives_slowly_holds_no_thread_where_the_answer_is_quick() -> None:
    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        port = writer.get_extra_info("peername")[1]
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        for _, other in slow:
            other.write(post("/quick", b"a", length=2))
        writer.write(get("/slow"))
        told = [(await answer(reader))[0]]
        for its_reader, other in slow:
            other.write(b"b")
            told.append((await answer(its_reader))[0])
            other.close()
        return told

    assert talk(talking) == [200] * 6


def test_an_application_that_raises_is_our_fault_and_a_broken_answer_is_not_taken_for_a_whole_one() -> None:
    answers, has_ended = exchange(get("/raises"))
    assert (answers[0][0], has_ended) == (500, True)

    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        writer.write(get("/breaks"))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await answer(reader)

    talk(talking)


def test_a_client_that_wants_another_protocol_gets_this_one() -> None:
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    answers, _ = exchange(post("/slow", b"a", *upgrade), get("/slow"), count=2)
    assert [text for _, _, text in answers] == [b"/slow a", b"/slow "]


def test_an_offer_of_another_protocol_changes_neither_the_method_nor_whether_the_connection_stays() -> None:
    site = Site()
    offer = ("Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", "Content-Length: 1")
    patch = say("PATCH /slow HTTP/1.1", "Host: here", "Connection: Upgrade, HTTP2-Settings", *offer, body=b"a")
    last = say("DELETE /slow HTTP/1.1", "Host: here", "Connection: Upgrade, HTTP2-Settings, close", *offer, body=b"a")
    answers, has_ended = exchange(patch, last, count=2, site=site)
    assert site.asked == ["PATCH /slow?", "DELETE /slow?"]
    assert [status for status, _, _ in answers] == [200, 200]
    assert has_ended


def test_headers_that_come_twice_are_joined_and_those_with_underscores_left_out() -> None:
    answers, _ = exchange(get("/headers", "Cookie: a=1", "Cookie: b=2", "X-A: 1", "x-a: 2", "X_Forwarded_Proto: https"))
    assert eval(answers[0][2]) == [("HTTP_COOKIE", "a=1; b=2"), ("HTTP_HOST", "here"), ("HTTP_X_A", "1,2")]


def test_paths_are_decoded_and_queries_are_not() -> None:
    site = Site()
    exchange(get("/a%2Fb%C3%A9?c=%20d#e"), get("http://there/f?g"), get("/?h?i"), count=3, site=site)
    assert site.asked == ["GET /a/b\xc3\xa9?c=%20d", "GET /f?g", "GET /?h?i"]


BROKEN = {
    "no request": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": get("/", "Host: there"),
    "two lengths": post("/", b"abc", "Content-Length: 4"),
    "a length and chunks": post("/", b"abc", "Transfer-Encoding: chunked"),
    "a length that is no number": get("/", "Content-Length: 1x"),
    "a negative length": get("/", "Content-Length: -1"),
    "a space before the colon": get("/", "X-A : 1"),
    "a folded header": get("/", "X-A: 1", " 2"),
    "a line of two versions": b"GET / HTTP/9.1\r\nHost: a\r\n\r\n",
    "a bare newline in a header": get("/", "X-A: a\rb"),
    "an authority as target": say("CONNECT here:443 HTTP/1.1", "Host: here"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_two_readers_could_read_differently_is_refused_and_ends_the_connection(name: str) -> None:
    answers, has_ended = exchange(BROKEN[name])
    assert (answers[0][0], has_ended) == (400, True)
    assert b'"code":"malformed_request"' in answers[0][2]


def test_what_came_before_a_broken_request_is_answered() -> None:
    answers, has_ended = exchange(get("/slow") + post("/quick", b"a") + BROKEN["two hosts"], count=3)
    assert ([status for status, _, _ in answers], has_ended) == ([200, 200, 400], True)


@pytest.mark.parametrize(
    "request_", [get("/", "X: " + "a" * 200_000), get("/", *["X: a"] * 300), b"GET /" + b"a" * 200_000], ids=len
)
def test_a_head_that_is_too_large_is_refused_before_it_is_held(request_: bytes) -> None:
    answers, has_ended = exchange(request_)
    assert (answers[0][0], has_ended) == (431, True)


@given(st.binary(max_size=200))
@settings(max_examples=60)
def test_no_bytes_break_the_connection_of_another(junk: bytes) -> None:
    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        port = writer.get_extra_info("peername")[1]
        _, other = await asyncio.open_connection("127.0.0.1", port)
        other.write(junk)
        await asyncio.sleep(0)
        writer.write(get("/slow"))
        told = await answer(reader)
        other.close()
        return told

    assert talk(talking)[0] == 200


def test_a_server_that_leaves_answers_and_ends_the_connection() -> None:
    site = Site()
    site.is_leaving = True
    for sent in (post("/quick", b"a"), get("/slow")):
        answers, has_ended = exchange(sent, site=site)
        assert (answers[0][0], answers[0][1]["connection"], has_ended) == (200, "close", True)


def test_when_too_many_wait_for_a_thread_the_next_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_pool, "MOST_WAITING", 1)
    site = Site()

    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        port = writer.get_extra_info("peername")[1]
        held = []
        # By one thread, by the other, by none.
        taken = (
            lambda: len(site.asked) == 1,
            lambda: len(site.asked) == 2,
            lambda: site.pool is not None and site.pool.waiting == 1,
        )
        for is_taken in taken:
            held.append(await asyncio.open_connection("127.0.0.1", port))
            held[-1][1].write(get("/waits"))
            while not is_taken():
                await asyncio.sleep(0.001)
        writer.write(get("/slow"))
        refused = await answer(reader)
        site.go_on.set()
        told = [await answer(each) for each, _ in held]
        for _, each in held:
            each.close()
        return refused, told

    refused, told = talk(talking, site)
    assert (refused[0], refused[1]["retry-after"]) == (503, "1")
    assert [status for status, _, _ in told] == [200] * 3


def test_who_waits_too_long_for_a_thread_is_told_to_come_again() -> None:
    site = Site()
    site.patience_seconds = 0.5

    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        port = writer.get_extra_info("peername")[1]
        held = []
        while len(site.asked) < 2:  # as many as there are threads
            held.append(await asyncio.open_connection("127.0.0.1", port))
            held[-1][1].write(get("/waits"))
            while len(site.asked) < len(held):
                await asyncio.sleep(0.001)
        writer.write(post("/slow", b"abc", length=5))  # its body is still on its way
        refused = await answer(reader)
        site.go_on.set()
        told = [await answer(each) for each, _ in held]
        for _, each in held:
            each.close()
        return refused, told

    refused, told = talk(talking, site)
    assert (refused[0], refused[1]["retry-after"]) == (503, "1")
    assert [status for status, _, _ in told] == [200] * 2
    assert not [one for one in site.asked if "/slow" in one]


def test_what_is_brief_is_told_apart_unless_its_body_is_still_on_its_way() -> None:
    site = Site()

    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        for whole in (post("/brief", b"abc"), post("/slow", b"abc")):
            writer.write(whole)
            await answer(reader)
        early = post("/brief", b"a", length=2)
        writer.write(early)
        while len(site.asked) < 3:
            await asyncio.sleep(0.001)
        writer.write(b"b")
        await answer(reader)
        return [name.split("-")[0] for name in site.threads]

    assert talk(talking, site) == ["spare", "answers", "answers"]


def test_who_waits_too_long_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class Transport:
        def get_extra_info(self, name: str) -> Any:
            return ("127.0.0.1", 1)

        def close(self) -> None:
            closed.append("close")

        def abort(self) -> None:
            closed.append("abort")

    loop = asyncio.new_event_loop()
    try:
        site = Site()
        one = Connection(site.house(loop))
        one.connection_made(Transport())
        now = time.monotonic()
        one.look(now + connection.IDLE_SECONDS - 1)
        assert closed == []
        one.data_received(b"GET / HT")
        one.look(now + connection.HEAD_SECONDS - 1)
        assert closed == []
        one.look(now + connection.HEAD_SECONDS + 1)
        assert closed == ["close"]
        one.look(now + 1000)
        assert closed == ["close", "abort"]
    finally:
        loop.close()
