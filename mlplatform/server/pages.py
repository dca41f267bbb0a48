"""The process that answers people: the admin's pages with its dashboards, and the API's documents.

A page is some hundredths of a second of Python. In a worker its thread would have the interpreter just when a
prediction wants it, or lose the processor while it has it; here the kernel lets the predictions go first. In a fork of
the master.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Callable
from functools import partial

from mlplatform.server import worker
from mlplatform.server.connection import Connection, House
from mlplatform.server.handover import Passage, Reception

NICENESS = 10
"""Behind the workers and the loader, where the cores are not enough for all."""


def work(to_pages: Passage, *, threads: int, master: int, tell_ready: Callable[[], None]) -> None:
    """Answer what the workers hand over until SIGTERM. `tell_ready` is called when it is taken."""
    worker.begin(master, name="mlp-pages")
    os.nice(NICENESS)
    from inference import process

    # A connection ends with its answer. Kept, a proxy would send somebody's prediction over it.
    role = worker.Role(is_quick=lambda *_: False, keeps_alive=False, hand_over=lambda *_: False)
    try:
        process.start(is_glancing=True, is_serving=False)
        worker.serve(role, partial(_receiving, to_pages), threads, tell_ready)
    finally:
        process.stop()


@contextlib.asynccontextmanager
async def _receiving(to_pages: Passage, house: House) -> AsyncIterator[None]:
    reception = Reception(to_pages, house.loop, partial(Connection, house))
    yield
    await reception.close()
