"""A closed loop of clients in one thread: each sends its next question when the one before is answered."""

import select
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle

from mlplatform.benchmark.link import Address, Broken, Link

Judge = Callable[[int, bytes], str]
"""What is wrong with an answer (status, body), in a few words; empty when it is good."""

RECONNECT_PAUSE_SECONDS = 0.05
_ALWAYS = float("inf")


@dataclass(frozen=True, slots=True)
class Question:
    """A request as bytes, and what counts as an answer to it."""

    request: bytes
    judge: Judge


@dataclass(slots=True)
class Outcome:
    """What a load found. Only good answers have a latency; every other one is a failure, by its reason."""

    latencies_ms: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def asked(self) -> int:
        return len(self.latencies_ms) + self.failures.total()

    @property
    def success_rate(self) -> float:
        """Good answers of all questions, 0 to 1; 0 when nothing was asked."""
        return len(self.latencies_ms) / self.asked if self.asked else 0.0

    @property
    def per_second(self) -> float:
        """Good answers per second."""
        return len(self.latencies_ms) / self.seconds if self.seconds else 0.0

    def note(self, problem: str, milliseconds: float) -> None:
        if problem:
            self.failures[problem] += 1
        else:
            self.latencies_ms.append(milliseconds)


def run(
    address: Address,
    questions: Sequence[Question],
    *,
    connections: int,
    seconds: float = _ALWAYS,
    count: int | None = None,
    timeout: float = 30.0,
    on_progress: Callable[[float], None] = lambda share: None,
) -> Outcome:
    """Ask over `connections` at once, for `seconds` or until `count` answers came. The questions go round."""
    return _Loop(address, questions, connections, seconds, count, timeout, on_progress).run()


class _Loop:
    """One load in progress."""

    def __init__(
        self,
        address: Address,
        questions: Sequence[Question],
        connections: int,
        seconds: float,
        count: int | None,
        timeout: float,
        on_progress: Callable[[float], None],
    ) -> None:
        self._address, self._timeout, self._on_progress = address, timeout, on_progress
        self._questions, self._connections = cycle(questions), connections
        self._seconds, self._count = seconds, _ALWAYS if count is None else count
        self._begun, self._end = 0, 0.0
        self._poll = select.epoll()
        self._links: dict[int, tuple[Link, Question]] = {}
        self._outcome = Outcome()

    def run(self) -> Outcome:
        started = look_at = time.perf_counter()
        self._end = started + self._seconds
        try:
            for _ in range(self._connections):
                self._ask(None)
            while self._links:
                for number, _ in self._poll.poll(0.1):
                    self._advance(number)
                if (now := time.perf_counter()) >= look_at:
                    look_at = now + 0.1
                    self._end_overdue(now)
                    self._on_progress(self._share(now - started))
        finally:
            for link, _ in self._links.values():
                link.close()
            self._poll.close()
        self._outcome.seconds = time.perf_counter() - started
        return self._outcome

    def _ask(self, link: Link | None) -> None:
        """Send the next question; over a new connection where there is none, or where the server ends this one."""
        while self._begun < self._count and time.perf_counter() < self._end:
            self._begun += 1
            question = next(self._questions)
            try:
                if link is not None and link.closes:
                    self._drop(link)
                    link = None
                if link is None:
                    link = Link(self._address, timeout=self._timeout)
                    self._poll.register(link.fileno(), select.EPOLLIN)
                link.send(question.request)
            except Broken as broken:
                self._outcome.note(str(broken), 0.0)
                if link is not None:
                    self._drop(link)
                    link = None
                time.sleep(RECONNECT_PAUSE_SECONDS)
            else:
                self._links[link.fileno()] = (link, question)
                return
        if link is not None:
            self._drop(link)

    def _advance(self, number: int) -> None:
        """Read what came on a connection; an answer that is whole is judged and followed by the next question."""
        link, question = self._links[number]
        try:
            answer = link.receive()
        except Broken as broken:
            self._outcome.note(str(broken), 0.0)
            self._drop(link)
            self._ask(None)
            return
        if answer is not None:
            milliseconds = (time.perf_counter() - link.sent_at) * 1000
            self._outcome.note(question.judge(*answer), milliseconds)
            self._ask(link)

    def _end_overdue(self, now: float) -> None:
        for link, _ in [entry for entry in self._links.values() if now - entry[0].sent_at > self._timeout]:
            self._outcome.note("timeout", 0.0)
            self._drop(link)
            self._ask(None)

    def _drop(self, link: Link) -> None:
        self._links.pop(link.fileno(), None)
        link.close()  # which takes it out of the poll, too

    def _share(self, seconds: float) -> float:
        return min(1.0, max(seconds / self._seconds, self._begun / self._count))
