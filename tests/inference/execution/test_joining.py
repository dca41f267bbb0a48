import threading
import time

import numpy as np
import pytest

from inference.errors import DeadlineExceeded, ModelExecutionFailed, ModelOverloaded
from inference.execution.joining import Joiner, can_join
from inference.runtimes.base import RawOutput
from registry.serving import Serving


def feeds(*values, width=1):
    return {"X": np.array([[value] * width for value in values], dtype=np.float32)}


class Model:
    """Doubles its input; the first call waits for `go`, so that others queue up behind it."""

    def __init__(self):
        self.calls, self.go, self.is_running = [], threading.Event(), threading.Event()

    def __call__(self, given, until):
        self.calls.append(len(given["X"]))
        if len(self.calls) == 1:
            self.is_running.set()
            self.go.wait(60)
        if (given["X"] < 0).any():
            raise ModelExecutionFailed("negative")
        return RawOutput(given["X"][:, 0] * 2, given["X"])


class Callers:
    """Threads that ask a joiner, and what each got."""

    def __init__(self, joiner, model, serving=None):
        self.joiner, self.model, self.serving = joiner, model, serving or Serving()
        self.got, self.threads = {}, []

    def ask(self, *values, seconds=60.0, width=1):
        def run():
            try:
                output = self.joiner.run(
                    self.model,
                    feeds(*values, width=width),
                    rows=len(values),
                    until=time.perf_counter() + seconds,
                    name="toy",
                    serving=self.serving,
                )
                self.got[values] = output.labels.tolist()
            except Exception as error:
                self.got[values] = error

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def queued(self, count):
        deadline = time.monotonic() + 60
        while len(self.joiner._queue) < count and time.monotonic() < deadline:
            time.sleep(0.001)
        assert len(self.joiner._queue) == count

    def finish(self):
        self.model.go.set()
        for thread in self.threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self.threads)
        return self.got


@pytest.fixture
def callers():
    made = Callers(Joiner(), Model())
    made.ask(1.0)
    assert made.model.is_running.wait(60)
    return made


def test_what_queued_while_a_call_ran_is_the_next_call(callers):
    for value in range(2, 10):
        callers.ask(float(value))
    callers.queued(8)
    got = callers.finish()
    assert got == {(float(value),): [value * 2.0] for value in range(1, 10)}
    assert callers.model.calls == [1, 8]
    assert (callers.joiner.calls, callers.joiner.requests) == (2, 9)


def test_each_gets_its_own_rows_back(callers):
    callers.ask(2.0, 3.0)
    callers.ask(4.0)
    callers.queued(2)
    got = callers.finish()
    assert (got[2.0, 3.0], got[4.0,]) == ([4.0, 6.0], [8.0])


def test_a_call_takes_no_more_rows_than_the_model_allows():
    callers = Callers(Joiner(), Model(), Serving(batch_max_rows=2))
    callers.ask(1.0)
    assert callers.model.is_running.wait(60)
    for value in range(2, 7):
        callers.ask(float(value))
    callers.queued(5)
    assert len(callers.finish()) == 6
    assert max(callers.model.calls) == 2


def test_rows_of_another_shape_go_in_another_call(callers):
    callers.ask(2.0)
    callers.ask(3.0, width=2)
    callers.queued(2)
    got = callers.finish()
    assert (got[2.0,], got[3.0,]) == ([4.0], [6.0])
    assert callers.model.calls == [1, 1, 1]


def test_one_bad_row_fails_nobody_else(callers):
    callers.ask(-2.0)
    callers.ask(3.0)
    callers.queued(2)
    got = callers.finish()
    assert isinstance(got[-2.0,], ModelExecutionFailed)
    assert got[3.0,] == [6.0]


def test_who_waits_too_long_leaves_and_the_others_are_answered(callers):
    callers.ask(2.0)
    callers.queued(1)
    callers.ask(3.0, seconds=0.02)
    callers.threads[2].join(60)
    callers.ask(4.0)
    callers.queued(2)
    got = callers.finish()
    assert isinstance(got[3.0,], DeadlineExceeded)
    assert (got[2.0,], got[4.0,]) == ([4.0], [8.0])
    assert callers.model.calls == [1, 2]


def test_a_full_queue_refuses_the_next():
    callers = Callers(Joiner(), Model(), Serving(max_queued=1))
    callers.ask(1.0)
    assert callers.model.is_running.wait(60)
    callers.ask(2.0)
    callers.queued(1)
    callers.ask(3.0)
    callers.threads[-1].join(60)
    got = callers.finish()
    assert isinstance(got[3.0,], ModelOverloaded)
    assert got[2.0,] == [4.0]


def test_many_threads_for_a_while_lose_nothing():
    joiner, answers = Joiner(), []

    def run(given, until):
        time.sleep(0.0002)
        return RawOutput(given["X"][:, 0] * 2, None)

    def ask(number):
        for turn in range(30):
            value = float(number * 100 + turn)
            output = joiner.run(
                run, feeds(value), rows=1, until=time.perf_counter() + 60, name="toy", serving=Serving()
            )
            answers.append(output.labels.tolist() == [value * 2])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 480
    assert all(answers)
    assert joiner.calls < 480
    assert not joiner._is_busy


def test_only_arrays_with_an_entry_for_each_row_are_joined():
    assert can_join(feeds(1.0, 2.0), 2)
    assert not can_join({"X": np.float32(1.0)}, 1)
    assert not can_join({**feeds(1.0, 2.0), "constant": np.zeros((1, 3))}, 2)
