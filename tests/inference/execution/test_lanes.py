import threading
import time

import pytest

from inference.errors import DeadlineExceeded, ModelOverloaded
from inference.execution.lanes import Lane, SlowThreads
from registry.serving import Serving


def place(lane, *, at_once=1, max_queued=1, seconds=60.0, call_ms=0.0):
    until = time.perf_counter() + seconds
    return lane.place(name="toy", serving=Serving(max_queued=max_queued), at_once=at_once, until=until, call_ms=call_ms)


def test_what_neither_runs_nor_may_wait_is_refused_at_once():
    lane = Lane()
    with place(lane), pytest.raises(ModelOverloaded), place(lane, max_queued=0):
        raise AssertionError("there was room")
    assert (lane.refused, lane.running, lane.waiting) == (1, 0, 0)


def test_no_more_run_at_once_than_may_and_all_get_their_turn():
    lane, running, most, done = Lane(), [], [], []

    def work():
        with place(lane, at_once=2, max_queued=20):
            running.append(1)
            most.append(len(running))
            time.sleep(0.002)
            running.pop()
        done.append(1)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (max(most), len(done), lane.running) == (2, 20, 0)


def test_who_waits_past_the_deadline_is_told_so_without_a_run():
    lane = Lane()
    with place(lane), pytest.raises(DeadlineExceeded) as caught, place(lane, seconds=0.2):
        raise AssertionError("there was room")
    assert caught.value.ran_seconds == 0
    assert (lane.late, lane.waiting) == (1, 0)


def test_who_could_not_be_answered_in_time_is_not_let_in_to_wait():
    lane = Lane()
    with place(lane), pytest.raises(ModelOverloaded), place(lane, seconds=0.5, call_ms=1000.0):
        raise AssertionError("there was room")


def test_slow_models_leave_one_thread_to_the_others(settings):
    settings.THREADS = 3
    threads = SlowThreads()
    with threads.one("a"), threads.one("b"):
        with pytest.raises(ModelOverloaded), threads.one("a"):
            raise AssertionError("there was room")
        assert threads.taken == 2
    assert (threads.taken, threads.refused) == (0, 1)


def test_a_server_with_one_thread_still_runs_slow_models(settings):
    settings.THREADS = 1
    with SlowThreads().one("a"):
        pass
