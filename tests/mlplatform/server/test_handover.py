"""Connections that go from one process to another: here, between two houses of one loop."""

import asyncio
import os
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import uvloop

from mlplatform.server import handover
from mlplatform.server.connection import Connection, House
from mlplatform.server.handover import Passage, Reception
from mlplatform.server.heads import Heads
from mlplatform.server.pool import Pool

PATIENCE = 60
MANY = 20_000_000


class Sites:
    """Workers, at a listener, and pages; each tells who answered whom. Every path below /page is the pages'."""

    def __init__(self) -> None:
        self.to_pages = Passage()
        self.is_open = True
        self.met: list[str] = []
        self.houses: list[House] = []

    def close(self) -> None:
        self.to_pages.close()

    def application(self, name: str, environ: dict[str, Any], start: Any) -> list[bytes]:
        self.met.append(name)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        read = len(environ["wsgi.input"].read(length))
        text = f"{name} {environ['PATH_INFO']} {environ['REMOTE_PORT']} {read}".encode()
        if environ["PATH_INFO"] == "/large":
            text = b"x" * MANY
        start("200 OK", [("Content-Length", str(len(text)))])
        return [text]

    def hand_over(self, environ: dict[str, Any], file: int, begun: bytes) -> bool:
        return self.is_open and environ["PATH_INFO"].startswith("/page") and self.to_pages.give(file, begun)

    def house(self, name: str, loop: asyncio.AbstractEventLoop) -> House:
        pool = Pool(2, patience_seconds=PATIENCE, call_later=loop.call_later)
        house = House(
            application=partial(self.application, name),
            is_quick=lambda environ, body: environ["PATH_INFO"] in ("/large", "/quick"),
            is_brief=lambda environ, body: False,
            is_leaving=lambda: name == "pages",
            submit=lambda task, is_brief: pool.submit(task),
            hand_over=self.hand_over if name == "workers" else lambda *_: False,
            loop=loop,
            connections=set(),
            heads=Heads(),
        )
        self.houses.append(house)
        return house


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]


def talk(talking: Talk, sites: Sites) -> Any:
    """Run both houses while `talking` runs with the workers; what it returns."""

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        workers, pages = sites.house("workers", loop), sites.house("pages", loop)
        reception = Reception(sites.to_pages, loop, partial(Connection, pages))
        server = await loop.create_server(lambda: Connection(workers), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2], limit=1 << 25)
        try:
            return await asyncio.wait_for(talking(reader, writer), PATIENCE)
        finally:
            writer.close()
            await reception.close()
            for connection in workers.connections | pages.connections:
                connection.abort()
            server.close()
            sites.close()

    return uvloop.run(main())


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, body: bytes = b"") -> list[str]:
    writer.write(b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body))
    return (await hear(reader)).decode().split(" ")


async def ask_anew(writer: asyncio.StreamWriter, path: str, body: bytes = b"") -> list[str]:
    """On another connection to the same site."""
    reader, other = await asyncio.open_connection(*writer.get_extra_info("peername")[:2])
    with closing(other):
        return await ask(reader, other, path, body)


async def hear(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return await reader.readexactly(length)


def test_a_connection_goes_to_who_answers_its_request_and_ends_there() -> None:
    """Kept, it would bring a prediction there: proxies send everybody's requests over the same connections."""
    sites = Sites()

    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = str(writer.get_extra_info("sockname")[1])
        assert await ask(reader, writer, "/api") == ["workers", "/api", port, "0"]
        writer.write(b"GET /page/1 HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = await reader.read()
        assert b"\r\nConnection: close\r\n" in answer
        assert answer.endswith(f"pages /page/1 {port} 0".encode())
        await settled(lambda: not any(house.connections for house in sites.houses))

    talk(talking, sites)


def test_what_was_read_goes_with_it_and_the_rest_of_a_body_arrives_there() -> None:
    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await ask(reader, writer, "/page", b"x" * MANY))[::3] == ["pages", str(MANY)]
        assert (await ask_anew(writer, "/page", b"x" * 70_000))[::3] == ["pages", "70000"]
        assert (await ask_anew(writer, "/api", b"x" * MANY))[::3] == ["workers", str(MANY)]

    talk(talking, Sites())


def test_neither_keeps_a_file_open() -> None:
    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ask_anew(writer, "/page")
        files = open_files()
        for _ in range(10):
            await ask_anew(writer, "/page")
        await settled(lambda: open_files() <= files)

    talk(talking, Sites())


def test_who_takes_an_answer_slowly_loses_nothing_of_it() -> None:
    sites = Sites()

    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        await settled(lambda: sites.met == ["workers"])
        writer.write(b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(0.05)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert len(await hear(reader)) == MANY
        assert b"/page" in await hear(reader)

    talk(talking, sites)


@pytest.mark.parametrize(("unsent", "goes"), [(0, True), (1, False)])
def test_a_connection_with_an_answer_to_give_stays(unsent: int, goes: bool) -> None:
    """Closed here, the file has its end there; but what this process has not written yet would be lost."""
    sites, calls = Sites(), []
    file, client = socket.socketpair()
    with closing(sites), closing(file), closing(client):
        transport = mock.Mock(
            get_extra_info=lambda name: file if name == "socket" else ("127.0.0.1", 1),
            get_write_buffer_size=lambda: unsent,
            abort=lambda: calls.append("closed here"),
        )
        house = sites.house("workers", mock.Mock(time=lambda: 0.0))
        house = house._replace(submit=lambda task, is_brief: not calls.append("answered here"))
        connection = Connection(house)
        connection.connection_made(transport)
        connection.data_received(b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
        taken = sites.to_pages.take()
        if taken is not None:
            taken[0].close()
    assert calls == ["closed here" if goes else "answered here"]
    assert (taken is not None) == goes


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET /quick HTTP/1.1\r\nHost: a\r\n\r\nGET /page HTTP/1.1\r\nHost: a\r\n\r\n"],
        [b"GET /quick HTTP/1.1\r\nHost: a\r\n\r\nGET /pa", b"ge HTTP/1.1\r\nHost: a\r\n\r\n"],
        [b"GET /api HTTP/1.1\r\nHost: a\r\n\r\nGET /page HTTP/1.1\r\nHost: a\r\n\r\n"],
        [b"GET /page HTTP/1.1\r\nHost: a\r\n\r\nGET /page HTTP/1.1\r\nHost: a\r\n\r\n"],
    ],
    ids=["behind a quick one", "in part behind a quick one", "behind another one", "before another one"],
)
def test_what_can_not_be_read_again_there_is_answered_here(pieces: list[bytes]) -> None:
    sites = Sites()

    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.05)
        asked = b"".join(pieces).count(b"GET")
        assert b"/page" in [await hear(reader) for _ in range(asked)][-1]
        assert sites.met == ["workers"] * asked
        assert (await ask(reader, writer, "/page"))[0] == "pages"

    talk(talking, sites)


def test_a_head_that_comes_in_pieces_is_put_together_for_who_reads_it_again() -> None:
    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in (b"P", b"OST /pa", b"ge/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n", b"\r\nabc", b"def"):
            writer.write(piece)
            await asyncio.sleep(0.02)
        told = (await hear(reader)).decode().split(" ")
        assert (told[0], told[1], told[3]) == ("pages", "/page/1", "6")

    talk(talking, Sites())


def test_who_is_refused_there_is_answered_here() -> None:
    sites = Sites()

    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[list[str]]:
        sites.is_open = False
        first = await ask(reader, writer, "/page")
        sites.is_open = True
        return [first, await ask(reader, writer, "/page")]  # it was kept

    assert [answer[0] for answer in talk(talking, sites)] == ["workers", "pages"]


def test_a_client_that_has_gone_harms_nobody() -> None:
    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = writer.get_extra_info("peername")[:2]
        for _ in range(5):
            with closing(socket.create_connection(address)) as gone:
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
                gone.sendall(b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await ask(reader, writer, "/page"))[0] == "pages"

    talk(talking, Sites())


@pytest.fixture
def passage() -> Iterator[Passage]:
    with closing(Passage()) as one:
        yield one


def test_what_waits_in_a_passage_is_taken_when_somebody_comes_and_a_full_one_takes_no_more(passage: Passage) -> None:
    here, there = socket.socketpair()
    given = 0
    while given < 100_000 and passage.give(there.fileno(), b"begun"):
        given += 1
    there.close()
    assert 1 <= given < 100_000
    taken = passage.take()
    assert taken is not None
    with closing(taken[0]) as connection:
        assert taken[1] == b"begun"
        assert not connection.get_inheritable()
        connection.sendall(b"here")
    assert here.recv(4) == b"here"
    while (taken := passage.take()) is not None:
        taken[0].close()
        given -= 1
    assert given == 1
    here.close()


def test_who_has_gone_meanwhile_is_passed_over(passage: Passage) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        for is_staying in (False, True):
            client = socket.create_connection(listener.getsockname())
            given, _ = listener.accept()
            with closing(client), closing(given):
                assert passage.give(given.fileno(), b"staying" if is_staying else b"gone")
                if not is_staying:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
                    client.close()
        taken = passage.take()
    assert taken is not None
    assert taken[1] == b"staying"
    taken[0].close()


def test_more_than_a_message_holds_is_not_sent(passage: Passage) -> None:
    here, there = socket.socketpair()
    with closing(here), closing(there):
        assert passage.give(there.fileno(), b"x" * handover.BEGUN_BYTES)
        taken = passage.take()
        assert taken is not None
        assert len(taken[1]) == handover.BEGUN_BYTES
        taken[0].close()
        assert not passage.give(there.fileno(), b"x" * (handover.BEGUN_BYTES + 1))
        assert passage.take() is None


def test_who_stops_taking_takes_first_what_is_there() -> None:
    sites = Sites()
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        client = socket.create_connection(listener.getsockname())
        given, _ = listener.accept()
    begun = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n"

    async def main() -> None:
        loop = asyncio.get_running_loop()
        house = sites.house("pages", loop)
        reception = Reception(sites.to_pages, loop, partial(Connection, house))
        assert sites.to_pages.give(given.fileno(), begun)
        await reception.close()
        await settled(lambda: sites.met == ["pages"])
        assert sites.to_pages.give(given.fileno(), begun)
        await asyncio.sleep(0.05)
        assert sites.met == ["pages"]
        for connection in list(house.connections):
            connection.abort()

    with closing(client), closing(given), closing(sites):
        uvloop.run(main())


def open_files() -> int:
    return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))


async def settled(is_so: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE / 0.01)):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"it never came to that; threads: {threading.active_count()}")
