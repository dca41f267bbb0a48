"""Work in a process of its own is interrupted when it should stop, and ends when it comes no further."""

import signal
import threading
import time
from typing import Any

import pytest
from django.db import DatabaseError

from registry import own_process
from registry.own_process import LOST, Watch
from tests.standing_in import stand_in


class Row:
    """A claim that is renewed as the answers say, the last of them for good."""

    def __init__(self, *answers: bool | Exception) -> None:
        self._answers = list(answers)

    def renew(self, *, seconds: float) -> bool:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(own_process, "_LOOK_EVERY_SECONDS", 0.01)
    settings.JOB_LEASE_SECONDS = 0.03


def watch_of(row: Row, *reasons: str | None, **options: Any) -> Watch:
    left = list(reasons)
    return Watch(row, should_stop=lambda: left.pop(0) if left else None, **options)  # type: ignore[arg-type]


def interrupted(watch: Watch) -> bool:
    try:
        with watch.running():
            time.sleep(60)
    except KeyboardInterrupt:
        return True
    return False


def test_the_work_is_interrupted_with_the_reason_that_was_given() -> None:
    watch = watch_of(Row(True), None, None, "cancelled")
    assert interrupted(watch)
    assert watch.stopped_by == "cancelled"


def test_a_claim_that_was_lost_interrupts_and_one_that_could_not_be_renewed_is_tried_again() -> None:
    watch = watch_of(Row(DatabaseError("connection already closed"), True, False))
    assert interrupted(watch)
    assert watch.stopped_by == LOST


def test_the_process_that_started_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watch_of(Row(True))
    stand_in(monkeypatch, own_process, "os", getppid=lambda: 1)
    assert interrupted(watch)
    assert watch.stopped_by is None


def test_work_that_comes_no_further_ends_its_process_and_work_that_does_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = threading.Event()
    stand_in(monkeypatch, own_process, "os", _exit=lambda code: ended.set())
    stand_in(monkeypatch, own_process, "time", monotonic=lambda: now)
    now = 100.0
    watch = watch_of(Row(True), stall_seconds=30.0)
    now = 129.0
    watch.is_alive()
    now = 158.0
    watch._end_if_stalled()
    assert not ended.is_set()
    now = 160.0
    watch._end_if_stalled()
    assert ended.is_set()


def test_the_work_can_be_interrupted_where_interrupts_were_ignored(in_the_background: None) -> None:
    assert interrupted(watch_of(Row(True), "cancelled"))
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
