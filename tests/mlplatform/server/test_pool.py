"""Who waits for a thread, who is told at once that it would take too long, and who is let go."""

import threading
from collections.abc import Callable, Iterator

import pytest

from mlplatform.server import pool as rooms
from mlplatform.server.pool import Pool
from tests.live.stack import wait_until

PATIENCE_SECONDS = 1.0


class Step:
    """A task that ends when it is told to."""

    def __init__(self, name: str, told: list[str]) -> None:
        self.name, self._told = name, told
        self.has_begun, self.may_end, self.has_ended = threading.Event(), threading.Event(), threading.Event()

    def run(self) -> None:
        self._told.append(f"{self.name} began")
        self.has_begun.set()
        assert self.may_end.wait(10)
        self.has_ended.set()

    def give_up(self) -> None:
        self._told.append(f"{self.name} gave up")


class Hall:
    """A pool of one thread, whose time is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.told: list[str] = []
        self.counted: list[str] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.steps: list[Step] = []
        self.pool = Pool(
            1,
            patience_seconds=PATIENCE_SECONDS,
            call_later=lambda seconds, act: self.timers.append((self.now + seconds, act)),
            count=self.counted.append,
            clock=lambda: self.now,
        )

    def send(self, name: str) -> Step:
        step = Step(name, self.told)
        if self.pool.submit(step):
            self.steps.append(step)
        else:
            self.told.append(f"{name} refused")
        return step

    def hold(self) -> Step:
        """A task that keeps the thread."""
        step = self.send("first")
        assert step.has_begun.wait(10)
        return step

    def go_to(self, now: float) -> None:
        """Let the time come, and whatever was to happen by then."""
        while due := [timer for timer in self.timers if timer[0] <= now]:
            timer = min(due, key=lambda one: one[0])
            self.timers.remove(timer)
            self.now = timer[0]
            timer[1]()
        self.now = now

    def close(self) -> None:
        for step in self.steps:
            step.may_end.set()


@pytest.fixture
def hall() -> Iterator[Hall]:
    hall = Hall()
    yield hall
    hall.close()


def test_who_waited_too_long_is_told_so_and_never_begun(hall: Hall) -> None:
    first = hall.hold()
    second = hall.send("second")
    hall.go_to(100.6)
    third = hall.send("third")
    hall.go_to(101.0)
    assert hall.told == ["first began", "second gave up"]
    first.may_end.set()
    assert third.has_begun.wait(10)
    assert (hall.told[-1], second.has_begun.is_set(), hall.counted) == ("third began", False, ["late"])


def test_each_is_let_go_in_its_own_moment(hall: Hall) -> None:
    hall.hold()
    hall.send("second")
    hall.go_to(100.6)
    hall.send("third")
    hall.go_to(101.5)
    assert "third gave up" not in hall.told
    hall.go_to(101.7)
    assert hall.told == ["first began", "second gave up", "third gave up"]
    assert hall.timers == [], "nobody waits any more"


def test_while_nobody_is_taken_after_one_gave_up_the_next_is_refused_at_once(hall: Hall) -> None:
    first = hall.hold()
    hall.send("second")
    hall.go_to(101.1)
    hall.send("third")
    assert (hall.told[-1], hall.counted) == ("third refused", ["late", "expected"])
    first.may_end.set()
    assert first.has_ended.wait(10)
    while (again := hall.send("again")) not in hall.steps:  # the thread is about to say that it is free
        pass
    assert again.has_begun.wait(10)


def test_a_queue_that_would_take_too_long_is_closed_before_anybody_waited_in_vain(hall: Hall) -> None:
    step = hall.hold()
    waiting = [hall.send(f"early {number}") for number in range(30)]
    for following in waiting[:20]:  # one leaves the queue each tenth of a second
        hall.now += 0.1
        step.may_end.set()
        assert following.has_begun.wait(10)
        step = following
    assert "late refused" not in hall.told
    hall.send("one of the last")
    refused = [name for name in (f"late {number}" for number in range(10)) if hall.send(name) not in hall.steps]
    assert refused
    assert set(hall.counted) == {"expected"}


def test_a_pace_of_long_ago_says_nothing_of_a_new_queue(hall: Hall) -> None:
    test_a_queue_that_would_take_too_long_is_closed_before_anybody_waited_in_vain(hall)
    hall.close()
    for step in hall.steps:
        assert step.has_ended.wait(10)
    hall.told.clear()
    hall.hold()
    for number in range(30):
        hall.send(f"new {number}")
    assert hall.told == ["first began"]


def test_a_queue_without_room_refuses(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MOST_WAITING", 2)
    hall.hold()
    for name in ("second", "third", "fourth"):
        hall.send(name)
    assert (hall.told[-1], hall.counted) == ("fourth refused", ["full"])


def test_a_pool_is_busy_while_who_comes_would_wait(hall: Hall) -> None:
    assert not hall.pool.is_busy
    first = hall.hold()
    assert hall.pool.is_busy
    second = hall.send("second")
    first.may_end.set()
    assert second.has_begun.wait(10)
    assert hall.pool.is_busy
    second.may_end.set()
    wait_until(lambda: not hall.pool.is_busy, 60)


def test_a_thread_whose_task_fails_goes_on(hall: Hall, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Step):
        def run(self) -> None:
            raise RuntimeError("planned")

    assert hall.pool.submit(Broken("broken", hall.told))
    assert hall.hold().has_begun.is_set()
    assert "stumbled" in caplog.text
