"""The threads that answer what isn't quick, and the queue before them: nobody waits in it for longer than is of use.

More requests than are answered make a queue that only grows, and in the end every answer comes too late for whoever
asked. So a request is told at once to come again when the queue is expected to take longer than `patience_seconds`,
and who has waited that long is told so, too: late in an overload, the threads still work on what is wanted.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol

log = logging.getLogger(__name__)

MOST_WAITING = 500
"""Requests that may wait for a thread: what they have sent is held in memory."""
_WEIGHT = 0.1


class Task(Protocol):
    """What waits for a thread; one of the two is called, once."""

    def run(self) -> None:
        """Do it, on another thread."""

    def give_up(self) -> None:
        """Say that it won't be done, on the reading thread."""


class Aside(NamedTuple):
    """A task that no request waits for; where no thread would begin it in time, it isn't done."""

    act: Callable[[], None]

    def run(self) -> None:
        self.act()

    def give_up(self) -> None:
        return


class Waiting(NamedTuple):
    """A place in the queue."""

    since: float
    task: Task


def _uncounted(reason: str) -> None:
    return


class Pool:
    """Threads that do tasks, first come, first served. They don't keep the process from ending.

    `submit` is called on the reading thread, and so is what `call_later` is given. `count` is told why a task was not
    done: full, expected or late.
    """

    def __init__(
        self,
        threads: int,
        *,
        patience_seconds: float,
        call_later: Callable[[float, Callable[[], None]], Any],
        count: Callable[[str], None] = _uncounted,
        clock: Callable[[], float] = time.monotonic,
        name: str = "answers",
    ) -> None:
        self._patience, self._call_later, self._count, self._clock = patience_seconds, call_later, count, clock
        self._lock = threading.Lock()
        self._queue: deque[Waiting] = deque()
        self._word: SimpleQueue[None] = SimpleQueue()  # one for each that was queued
        self._pace_seconds = 0.0  # from one that leaves the queue to the next, while others wait
        self._left_at = 0.0
        self._is_watched = self._is_stuck = False
        self._idle = threads
        for number in range(threads):
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True).start()

    def submit(self, task: Task) -> bool:
        """Have it done by a thread; False when it would not be begun in time."""
        with self._lock:
            reason = self._refusal()
            if not reason:
                self._queue.append(Waiting(self._clock(), task))
        if reason:
            self._count(reason)
            return False
        self._word.put(None)
        if not self._is_watched:
            self._watch(self._patience)
        return True

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._queue)

    @property
    def is_busy(self) -> bool:
        """Whether who comes now would wait."""
        return len(self._queue) >= self._idle

    def _refusal(self) -> str:
        if len(self._queue) >= MOST_WAITING:
            return "full"
        # Somebody gave up, and no thread has come free since.
        is_expected = self._is_stuck or len(self._queue) * self._pace_seconds > self._patience
        return "expected" if is_expected else ""

    # -- On the threads -------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._word.get()
            task = self._take()
            if task is not None:
                try:
                    task.run()
                except BaseException:
                    log.exception("a thread that answers stumbled")
                with self._lock:
                    self._idle += 1
            self._is_stuck = False

    def _take(self) -> Task | None:
        """The next one; None when it has given up."""
        with self._lock:
            if not self._queue:
                return None
            since, task = self._queue.popleft()
            self._idle -= 1
            now = self._clock()
            if not self._queue:
                self._pace_seconds = 0.0  # what comes may be of another kind
            elif since <= self._left_at:  # it waited when the one before it left
                self._pace_seconds += _WEIGHT * (now - self._left_at - self._pace_seconds)
            self._left_at = now
            return task

    # -- Who waited too long --------------------------------------------------------------------------

    def _watch(self, seconds: float) -> None:
        self._is_watched = True
        self._call_later(seconds, self._let_go)

    def _let_go(self) -> None:
        late: list[Task] = []
        with self._lock:
            latest = self._clock() - self._patience
            while self._queue and self._queue[0].since <= latest:
                late.append(self._queue.popleft().task)
            self._is_stuck = self._is_stuck or bool(late)
            self._is_watched = bool(self._queue)
            left_seconds = self._queue[0].since - latest if self._queue else 0.0
        for task in late:
            self._count("late")
            task.give_up()
        if self._is_watched:
            self._watch(left_seconds)
