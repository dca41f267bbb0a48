"""What a worker has done beside its answers."""

import asyncio
import threading
import time
from functools import partial
from unittest import mock

import pytest

from inference import process
from mlplatform.server import worker
from mlplatform.server.pool import Pool


def test_what_is_done_on_the_side_is_done_by_a_thread_and_may_be_asked_for_on_any() -> None:
    done_by: list[str] = []
    word = threading.Event()

    def act() -> None:
        done_by.append(threading.current_thread().name)
        word.set()

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        pool = Pool(1, patience_seconds=60, call_later=loop.call_later, name="answers")
        house = mock.Mock(loop=loop, submit=lambda task, is_brief: pool.submit(task))
        await loop.run_in_executor(None, partial(worker._do_aside, house, act))
        assert await loop.run_in_executor(None, word.wait, 10)

    asyncio.run(serve())
    assert done_by == ["answers-0"]


def test_the_reading_thread_glances_at_what_is_live_as_long_as_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    glances: list[str] = []
    monkeypatch.setattr(process, "LOOK_EVERY_SECONDS", 0.001)
    monkeypatch.setattr(process, "glance", lambda: glances.append(threading.current_thread().name))

    async def serve() -> None:
        worker._keep_glancing(asyncio.get_running_loop())
        until = time.monotonic() + 60
        while len(glances) < 5 and time.monotonic() < until:
            await asyncio.sleep(0.001)

    asyncio.run(serve())
    assert glances[:5] == [threading.current_thread().name] * 5


def test_after_the_end_nothing_is_done_on_the_side() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    house = mock.Mock(loop=loop)
    worker._do_aside(house, lambda: None)
    house.submit.assert_not_called()
