"""What a request's run of a model leaves behind in its measures."""

import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np

from inference import execution
from inference.execution.joining import Joiner
from inference.measures import JOIN_ROWS, Measures
from inference.runtimes.base import RawOutput
from registry.serving import Serving
from tests.live.stack import wait_until


class Model:
    """Bounded; its first call waits for `go`, so that others queue up behind it."""

    is_bounded = True

    def __init__(self) -> None:
        self.calls, self.go = 0, threading.Event()

    def predict(self, feeds: dict[str, Any]) -> RawOutput:
        self.calls += 1
        if self.calls == 1:
            self.go.wait(60)
        return RawOutput(feeds["X"][:, 0], None)


class Noted(Measures):
    """Remembers the rows of each call that was noted."""

    def note(self, milliseconds: float, rows: int) -> None:
        noted.append(rows)


noted: list[int] = []


def test_a_joined_call_is_noted_with_all_of_its_rows() -> None:
    """Else a call of many requests would count as a small one that has become slow."""
    model, measures = Model(), Noted(call_ms=1.0, joined_call_ms=1.0)
    loaded: Any = SimpleNamespace(model=model, measures=measures, joiner=Joiner())
    served: Any = SimpleNamespace(serving=Serving(), model_name="toy", version_id=1)
    assert measures.pays_to_join

    def ask(rows: int) -> threading.Thread:
        feeds = {"X": np.zeros((rows, 1), dtype=np.float32)}
        until = time.perf_counter() + 120
        named = {"rows": rows, "until": until}
        thread = threading.Thread(target=execution.run, args=(loaded, served, feeds), kwargs=named)
        thread.start()
        return thread

    noted.clear()
    threads = [ask(1)]
    wait_until(lambda: model.calls == 1, 60)
    threads += [ask(JOIN_ROWS), ask(1)]
    wait_until(lambda: len(loaded.joiner._queue) == 2, 60)
    model.go.set()
    for thread in threads:
        thread.join(60)
    assert noted == [1, JOIN_ROWS + 1]
