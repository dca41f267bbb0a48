"""A worker's life: load what is live, listen, serve. In a fork of the master."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import NamedTuple, TypeAlias

import uvloop

from mlplatform import leaving
from mlplatform.server import exchange, family
from mlplatform.server.connection import Connection, House
from mlplatform.server.exchange import Environ
from mlplatform.server.handover import Passage
from mlplatform.server.heads import Heads
from mlplatform.server.pool import Aside, Pool

BACKLOG = 1024
DRAIN_SECONDS = 30.0
"""How long the requests in flight may take when the worker stops."""


class Role(NamedTuple):
    """What a process of the server answers: whether quickly, whether it answers a connection's next request, too, and
    whether another process has taken the connection instead.
    """

    is_quick: Callable[[Environ, bytes], bool]
    keeps_alive: bool
    hand_over: Callable[[Environ, int, bytes], bool]


Door: TypeAlias = Callable[[House], AbstractAsyncContextManager[None]]
"""Inside it a house has connections come in."""


def work(
    listener: socket.socket, to_pages: Passage, *, threads: int, master: int, tell_ready: Callable[[], None]
) -> None:
    """Serve until SIGTERM. `tell_ready` is called when requests are taken."""
    begin(master, name="mlp-worker")
    from inference import process
    from mlplatform import wsgi

    def hand_over(environ: Environ, file: int, begun: bytes) -> bool:
        # When the server leaves, those who answer pages may leave sooner.
        return wsgi.is_page(environ) and not leaving.is_announced() and to_pages.give(file, begun)

    try:
        process.start(is_glancing=True)
        serve(Role(wsgi.is_quick, True, hand_over), partial(_listening, listener), threads, tell_ready)
    finally:
        process.stop()


@contextlib.asynccontextmanager
async def _listening(listener: socket.socket, house: House) -> AsyncIterator[None]:
    server = await house.loop.create_server(lambda: Connection(house), sock=listener, backlog=BACKLOG)
    yield
    server.close()


def begin(master: int, *, name: str) -> None:
    """What a process that answers requests does first."""
    # Until the loop listens to signals, a stop is an end: there is nothing to finish yet.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    family.join(master, name=name)
    # The reading thread asks the database only in the moment in which a model goes, and must get its answer then.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


def serve(role: Role, door: Door, threads: int, tell_ready: Callable[[], None]) -> None:
    """Answer what comes in by the door until SIGTERM, and then what has begun."""
    uvloop.run(_serve(role, door, threads, tell_ready))


async def _serve(role: Role, door: Door, threads: int, tell_ready: Callable[[], None]) -> None:
    from django.conf import settings

    from accounts import credentials, metrics
    from mlplatform import wsgi

    loop, word = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, word.set)
    make_pool = partial(
        Pool,
        patience_seconds=settings.MAX_WAIT_MS / 1000,
        call_later=loop.call_later,
        count=lambda reason: metrics.shed_requests(reason).inc(),
    )
    pool, spare = make_pool(threads), make_pool(1, name="spare")
    house = House(
        application=wsgi.application,
        is_quick=role.is_quick,
        is_brief=wsgi.is_brief,
        is_leaving=lambda: not role.keeps_alive or word.is_set() or leaving.is_announced(),
        submit=lambda task, is_brief: (spare if is_brief and pool.is_busy else pool).submit(task),
        hand_over=lambda *asked: not word.is_set() and role.hand_over(*asked),
        loop=loop,
        connections=set(),
        heads=Heads(),
    )
    credentials.renew_by(partial(_do_aside, house))
    _keep_glancing(loop)
    # Not sooner: a proxy waits for a server that listens, and turns to another from one that doesn't.
    async with door(house):
        tell_ready()
        while not word.is_set():
            _look(house)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(word.wait(), 1.0)
    await _drain(house)


def _keep_glancing(loop: asyncio.AbstractEventLoop) -> None:
    from inference import process

    loop.call_later(process.LOOK_EVERY_SECONDS, _keep_glancing, loop)  # first: one glance that fails isn't the last
    process.glance()


def _do_aside(house: House, act: Callable[[], None]) -> None:
    """Have it done by a thread, behind the requests that are there. May be called on any thread."""
    from django.db import close_old_connections

    def run() -> None:
        close_old_connections()  # as before a request
        act()

    if not house.loop.is_closed():
        house.loop.call_soon_threadsafe(house.submit, Aside(run), True)


def _look(house: House) -> None:
    exchange.clock.tick()
    now = house.loop.time()
    for connection in list(house.connections):
        connection.look(now)


async def _drain(house: House) -> None:
    """Let what has begun be answered."""
    until = time.monotonic() + DRAIN_SECONDS
    while house.connections and time.monotonic() < until:
        for connection in list(house.connections):
            connection.leave()
        _look(house)
        await asyncio.sleep(0.05)
