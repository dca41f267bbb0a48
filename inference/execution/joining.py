"""Makes one call of several requests, for models where one large call is much cheaper than many small ones.

No timer: a request that finds the model idle runs at once; what queued meanwhile is the next call, led by the first of
those who waited. A model's `batch_wait_ms` makes the leader wait for more, for those who prefer throughput to latency.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from inference.errors import DeadlineExceeded, ModelOverloaded
from inference.runtimes.base import RawOutput
from registry.serving import Serving

Feeds = dict[str, Any]
Run = Callable[[Feeds, float], RawOutput]


class Seat:
    """One request in the queue."""

    __slots__ = ("error", "feeds", "is_leader", "output", "ready", "rows", "shape", "until")

    def __init__(self, feeds: Feeds, rows: int, until: float) -> None:
        self.feeds, self.rows, self.until = feeds, rows, until
        self.shape = tuple((name, array.dtype, array.shape[1:]) for name, array in feeds.items())
        self.ready = threading.Event()
        self.is_leader = False
        self.output: RawOutput | None = None
        self.error: BaseException | None = None

    def take(self, output: RawOutput | None, error: BaseException | None = None) -> None:
        self.output, self.error = output, error
        self.ready.set()


def can_join(feeds: Feeds, rows: int) -> bool:
    """Whether these arrays can be put below others: each has one entry for each row."""
    return all(array.ndim > 0 and array.shape[0] == rows for array in feeds.values())


class Joiner:
    """The queue of one model: one call runs at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[Seat] = deque()
        self._is_busy = False
        self.calls = self.requests = 0

    def run(self, run: Run, feeds: Feeds, *, rows: int, until: float, name: str, serving: Serving) -> RawOutput:
        """The output for these rows. `run(feeds, until)` calls the model.

        Raises ModelOverloaded, DeadlineExceeded, and what the model raises for these rows.
        """
        seat = Seat(feeds, rows, until)
        with self._lock:
            if self._is_busy and len(self._queue) >= serving.max_queued:
                raise ModelOverloaded(name)
            self._queue.append(seat)
            if not self._is_busy:
                self._is_busy = seat.is_leader = True
        if not seat.is_leader:
            self._wait(seat, name, serving)
        if seat.is_leader:
            self._lead(run, name, serving)
        if seat.error is not None:
            raise seat.error
        assert seat.output is not None
        return seat.output

    def _wait(self, seat: Seat, name: str, serving: Serving) -> None:
        """Until somebody else has run the seat's rows, or it leads, or its time is up."""
        if seat.ready.wait(max(0.0, seat.until - time.perf_counter())):
            return
        with self._lock:
            if seat.is_leader:
                return  # made leader in this moment: the others wait for it to lead
            if seat in self._queue:
                self._queue.remove(seat)
        if not seat.ready.is_set():
            raise DeadlineExceeded(name, deadline_seconds=serving.deadline_seconds)

    def _lead(self, run: Run, name: str, serving: Serving) -> None:
        try:
            if serving.batch_wait_seconds:
                time.sleep(serving.batch_wait_seconds)
            seats = self._next_call(name, serving)
            if seats:
                self._run_together(run, seats)
        finally:
            with self._lock:
                if self._queue:
                    self._queue[0].is_leader = True
                    self._queue[0].ready.set()
                else:
                    self._is_busy = False

    def _next_call(self, name: str, serving: Serving) -> list[Seat]:
        """Who is run now: those in front that fit the first one's shape, without those whose time is up."""
        now, rows = time.perf_counter(), 0
        seats: list[Seat] = []
        with self._lock:
            for seat in list(self._queue):
                if seat.until <= now:
                    self._queue.remove(seat)
                    seat.take(None, DeadlineExceeded(name, deadline_seconds=serving.deadline_seconds))
                    continue
                if seats and (seat.shape != seats[0].shape or rows + seat.rows > serving.batch_max_rows):
                    continue
                self._queue.remove(seat)
                seats.append(seat)
                rows += seat.rows
            self.calls += 1
            self.requests += len(seats)
        return seats

    @staticmethod
    def _run_together(run: Run, seats: list[Seat]) -> None:
        until = max(seat.until for seat in seats)
        try:
            output = run(_below_each_other(seats), until)
        except DeadlineExceeded as error:
            for seat in seats:
                seat.take(None, error)
        except BaseException as error:
            if len(seats) == 1:
                seats[0].take(None, error)
                return
            for seat in seats:  # one bad row must not fail the others
                Joiner._run_together(run, [seat])
        else:
            _hand_out(output, seats)


def _below_each_other(seats: list[Seat]) -> Feeds:
    if len(seats) == 1:
        return seats[0].feeds
    return {name: np.concatenate([seat.feeds[name] for seat in seats]) for name in seats[0].feeds}


def _hand_out(output: RawOutput, seats: list[Seat]) -> None:
    start = 0
    for seat in seats:
        end = start + seat.rows
        scores = None if output.probabilities is None else output.probabilities[start:end]
        seat.take(RawOutput(output.labels[start:end], scores))
        start = end
