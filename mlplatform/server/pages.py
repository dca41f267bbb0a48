"""The process that answers people: the admin's pages with its dashboards, and what they are made of.

A page is some tenths of a second of Python. In a worker its thread would have the interpreter just when a prediction
wants it, or lose the processor while it has it; here the kernel lets the predictions go first. In a fork of the master.
"""

import os
from collections.abc import Callable

from mlplatform.server import worker
from mlplatform.server.handover import Passages

NICENESS = 5
"""Behind the workers, where the cores are not enough for all; as the loader."""


def work(passages: Passages, *, threads: int, master: int, tell_ready: Callable[[], None]) -> None:
    """Answer until SIGTERM what the workers hand over. `tell_ready` is called when it is taken."""
    worker.begin(master, name="mlp-pages")
    os.nice(NICENESS)
    from inference import process
    from mlplatform import wsgi

    role = worker.Role(
        is_ours=wsgi.is_page,
        is_quick=lambda environ, body: False,
        way_in=passages.to_pages,
        way_out=passages.to_workers,
    )
    try:
        process.start(is_glancing=True, is_serving=False)
        worker.serve(role, threads, tell_ready)
    finally:
        process.stop()
