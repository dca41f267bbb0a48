"""One request's run of a model: through its lane or its joiner, until its deadline."""

import time
from typing import TYPE_CHECKING, Any

from inference.execution import deadlines
from inference.execution.joining import can_join
from inference.execution.lanes import slow_threads, slow_threads_allowed
from inference.runtimes.base import RawOutput
from registry.resolver import Served

if TYPE_CHECKING:
    from inference.model_cache import Loaded

Feeds = dict[str, Any]


def run(loaded: "Loaded", served: Served, feeds: Feeds, *, rows: int, until: float) -> tuple[RawOutput, float]:
    """The model's output for these rows, before `until` (a time of `perf_counter`), and its own time in milliseconds.

    Waiting for a place is not the model's time; being part of another request's call is. `served` says how the model
    is to be served now. Raises ModelOverloaded, DeadlineExceeded, ModelExecutionFailed.
    """
    if not loaded.measures.is_slow(rows):
        return _run(loaded, served, feeds, rows, until)
    with slow_threads.one(served.model_name):
        return _run(loaded, served, feeds, rows, until)


def _run(loaded: "Loaded", served: Served, feeds: Feeds, rows: int, until: float) -> tuple[RawOutput, float]:
    serving, measures = served.serving, loaded.measures
    name, begun = served.model_name, time.perf_counter()
    took_ms = None

    def call(feeds: Feeds, until: float) -> RawOutput:
        nonlocal took_ms
        started = time.perf_counter()
        output = deadlines.call(
            loaded.model,
            feeds,
            name=name,
            until=until,
            deadline_seconds=serving.deadline_seconds,
            version_id=served.version_id,
        )
        took_ms = (time.perf_counter() - started) * 1000
        measures.note(took_ms, rows)
        return output

    if measures.pays_to_join and rows < serving.batch_max_rows and can_join(feeds, rows):
        output = loaded.joiner.run(call, feeds, rows=rows, until=until, name=name, serving=serving)
        # None: another request led the call that ran these rows.
        return output, (time.perf_counter() - begun) * 1000 if took_ms is None else took_ms
    at_once = serving.max_concurrent or (slow_threads_allowed() if measures.is_slow(rows) else None)
    if at_once is None:
        return call(feeds, until), took_ms or 0.0
    with loaded.lane.place(name=name, serving=serving, at_once=at_once, until=until, call_ms=measures.recent_ms):
        return call(feeds, until), took_ms or 0.0
