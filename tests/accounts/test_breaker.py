import pytest

from accounts import breaker
from accounts.breaker import Breaker


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def toy(clock):
    return Breaker("toy", failures=5, first_pause=60.0, longest_pause=60.0, clock=clock)


@pytest.fixture
def on_trial(clock):
    """A breaker that opened at 0 and lets somebody try since 1."""
    breaker = Breaker("on trial", first_pause=1.0, longest_pause=2.0, clock=clock)
    breaker.failed()
    clock.now = 1.0
    assert breaker.lets_try()
    return breaker


def test_it_opens_after_so_many_failures_in_a_row(toy):
    assert [toy.failed() for _ in range(5)] == [False, False, False, False, True]
    assert (toy.state, toy.lets_try()) == ("open", False)


def test_an_answer_between_failures_begins_the_count_anew(toy):
    for _ in range(4):
        toy.failed()
    toy.succeeded()
    for _ in range(4):
        toy.failed()
    assert (toy.state, toy.lets_try()) == ("closed", True)


def test_nobody_else_tries_until_a_long_try_has_failed_and_its_pause_is_over(on_trial, clock):
    clock.now = 5.0
    assert not on_trial.lets_try()
    on_trial.failed()
    assert not on_trial.lets_try()
    clock.now = 6.9
    assert not on_trial.lets_try()
    clock.now = 7.0
    assert on_trial.lets_try()


def test_one_who_tries_and_never_tells_does_not_keep_the_others_away_for_ever(on_trial, clock):
    clock.now = 11.0
    assert on_trial.lets_try()


def test_after_the_pause_one_caller_tries_and_decides(toy, clock):
    for _ in range(5):
        toy.failed()
    clock.now = 60.0
    assert [toy.lets_try() for _ in range(3)] == [True, False, False]
    assert toy.state == "half_open"
    toy.failed()
    assert (toy.state, toy.lets_try()) == ("open", False)
    clock.now = 120.0
    assert toy.lets_try()
    assert toy.succeeded()
    assert (toy.state, toy.lets_try()) == ("closed", True)


def test_every_breaker_of_the_process_is_told_by_name(toy):
    assert breaker.states()["toy"] == "closed"
