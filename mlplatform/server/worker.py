"""A worker's life: load what is live, listen, serve. In a fork of the master."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import NamedTuple

import uvloop

from mlplatform import leaving
from mlplatform.server import exchange, family
from mlplatform.server.connection import Connection, House
from mlplatform.server.exchange import Environ
from mlplatform.server.handover import Passage, Passages, Reception
from mlplatform.server.heads import Heads
from mlplatform.server.pool import Aside, Pool

BACKLOG = 1024
DRAIN_SECONDS = 30.0
"""How long the requests in flight may take when the worker stops."""


class Role(NamedTuple):
    """What a process of the server answers, and how requests come to it: at `listener`, if it has one, and through
    `way_in`. A connection whose next request is not `ours` goes out through `way_out`.
    """

    is_ours: Callable[[Environ], bool]
    is_quick: Callable[[Environ, bytes], bool]
    way_in: Passage
    way_out: Passage
    listener: socket.socket | None = None


def work(
    listener: socket.socket, passages: Passages, *, threads: int, master: int, tell_ready: Callable[[], None]
) -> None:
    """Serve until SIGTERM. `tell_ready` is called when requests are taken."""
    begin(master, name="mlp-worker")
    from inference import process
    from mlplatform import wsgi

    role = Role(
        is_ours=lambda environ: not wsgi.is_page(environ),
        is_quick=wsgi.is_quick,
        way_in=passages.to_workers,
        way_out=passages.to_pages,
        listener=listener,
    )
    try:
        process.start(is_glancing=True)
        serve(role, threads, tell_ready)
    finally:
        process.stop()


def begin(master: int, *, name: str) -> None:
    """What a process that answers requests does first."""
    # Until the loop listens to signals, a stop is an end: there is nothing to finish yet.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    family.join(master, name=name)
    # The reading thread asks the database only in the moment in which a model goes, and must get its answer then.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


def serve(role: Role, threads: int, tell_ready: Callable[[], None]) -> None:
    """Answer what this process is there for until SIGTERM, and then what has begun."""
    uvloop.run(_serve(role, threads, tell_ready))


async def _serve(role: Role, threads: int, tell_ready: Callable[[], None]) -> None:
    from django.conf import settings

    from accounts import credentials, metrics
    from mlplatform import wsgi

    loop, word = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, word.set)

    def is_leaving() -> bool:
        return word.is_set() or leaving.is_announced()

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
        is_leaving=is_leaving,
        submit=lambda task, is_brief: (spare if is_brief and pool.is_busy else pool).submit(task),
        # Who leaves takes its connections to their end: the others may have left already.
        hand_over=lambda environ, *given: not role.is_ours(environ) and not is_leaving() and role.way_out.give(*given),
        loop=loop,
        connections=set(),
        heads=Heads(),
    )
    credentials.renew_by(partial(_do_aside, house))
    _keep_glancing(loop)
    reception = Reception(role.way_in, loop, partial(Connection, house))
    # Not sooner: a proxy waits for a server that listens, and turns to another from one that doesn't.
    async with _listening(role.listener, house):
        tell_ready()
        while not word.is_set():
            _look(house)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(word.wait(), 1.0)
    await reception.close()
    await _drain(house)


@contextlib.asynccontextmanager
async def _listening(listener: socket.socket | None, house: House) -> AsyncIterator[None]:
    """Take connections inside the block."""
    if listener is None:
        yield
        return
    server = await house.loop.create_server(lambda: Connection(house), sock=listener, backlog=BACKLOG)
    yield
    server.close()


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
