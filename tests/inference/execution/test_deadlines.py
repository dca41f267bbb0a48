import threading
import time

import numpy as np
import pytest

from inference.errors import DeadlineExceeded, ModelExecutionFailed
from inference.execution import deadlines
from inference.runtimes.base import RawOutput
from inference.runtimes.onnx import OnnxRuntime
from inference.signature import Signature
from tests import toys
from tests.live.stack import wait_until

ROW = {"X": np.array([[1.0, 0.0]], dtype=np.float32)}
FOREVER = 50_000_000
SOON = 0.2  # long enough that a busy machine begins before it


def call(model, seconds):
    return deadlines.call(
        model, ROW, name="toy", until=time.perf_counter() + seconds, deadline_seconds=seconds
    ).labels.tolist()


@pytest.fixture
def onnx():
    return lambda rounds: OnnxRuntime().load(toys.slow_oracle(5.0, rounds), Signature.from_dict(toys.ORACLE_SIGNATURE))


class Native:
    """A model that can't be stopped; it runs until `go`."""

    def __init__(self):
        self.go = threading.Event()
        self.threads = []

    def predict(self, feeds):
        self.threads.append(threading.current_thread())
        self.go.wait(60)
        if feeds["X"][0, 0] < 0:
            raise ModelExecutionFailed("negative")
        return RawOutput(feeds["X"][:, 0], None)


def test_an_onnx_model_is_stopped_at_its_deadline_and_answers_again_afterwards(onnx):
    endless, quick = onnx(FOREVER), onnx(1)
    with pytest.raises(DeadlineExceeded) as caught:
        call(endless, SOON)
    assert caught.value.ran_seconds > 0
    assert caught.value.still_runs is None
    assert call(quick, 60.0) == [[6.0]]


def test_one_call_that_is_stopped_does_not_stop_the_others(onnx):
    endless, busy, got = onnx(FOREVER), onnx(2_000), []
    threads = [threading.Thread(target=lambda: got.append(call(busy, 60.0))) for _ in range(4)]
    for thread in threads:
        thread.start()
    with pytest.raises(DeadlineExceeded):
        call(endless, SOON)
    for thread in threads:
        thread.join()
    assert got == [[[6.0]]] * 4


def test_the_watchdog_sleeps_through_calls_in_time_and_is_woken_by_one_with_little_of_it(onnx, monkeypatch):
    watchdog, woken = deadlines.Watchdog(), []
    monkeypatch.setattr(deadlines, "_watchdog", watchdog)
    monkeypatch.setattr(deadlines, "_LONGEST_PAUSE_SECONDS", 30.0)
    really = watchdog._wake
    monkeypatch.setattr(watchdog, "_wake", lambda: (woken.append(1), really()))
    quick = onnx(1)
    wait_until(lambda: call(quick, 60.0) and watchdog._looks_at > time.perf_counter() + 3 * SOON, 60)
    woken.clear()
    for _ in range(100):
        assert call(quick, 60.0) == [[6.0]]
    assert woken == []
    with pytest.raises(DeadlineExceeded):
        call(onnx(FOREVER), SOON)
    assert woken == [1]


def test_a_native_model_that_overruns_is_left_behind():
    model = Native()
    with pytest.raises(DeadlineExceeded) as caught:
        call(model, SOON)
    assert caught.value.still_runs()
    model.go.set()
    model.threads[0].join(60)
    assert not caught.value.still_runs()


def test_a_native_model_in_time_answers_on_a_thread_that_is_used_again():
    model = Native()
    model.go.set()
    assert call(model, 60.0) == [1.0]
    assert call(model, 60.0) == [1.0]
    assert len(set(model.threads)) == 1
    assert model.threads[0] is not threading.current_thread()


def test_what_a_native_model_raises_is_raised():
    model = Native()
    model.go.set()
    with pytest.raises(ModelExecutionFailed, match="negative"):
        deadlines.call(model, {"X": -ROW["X"]}, name="toy", until=time.perf_counter() + 60, deadline_seconds=60.0)


def test_nothing_is_run_after_the_deadline():
    model = Native()
    with pytest.raises(DeadlineExceeded) as caught:
        call(model, -1.0)
    assert (model.threads, caught.value.still_runs) == ([], None)


def test_a_model_whose_time_is_bounded_by_its_input_runs_on_the_threads_own():
    model = Native()
    model.is_bounded = True
    model.go.set()
    assert call(model, 60.0) == [1.0]
    assert model.threads == [threading.current_thread()]
