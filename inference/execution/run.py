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
    if loaded.measures.is_slow(rows):
        with slow_threads.one(served.model_name):
            return _in_turn(loaded, served, feeds, rows, until, slow_threads_allowed())
    return _in_turn(loaded, served, feeds, rows, until, None)


def _in_turn(
    loaded: "Loaded", served: Served, feeds: Feeds, rows: int, until: float, at_once: int | None
) -> tuple[RawOutput, float]:
    serving, measures = served.serving, loaded.measures
    if measures.pays_to_join and rows < serving.batch_max_rows and can_join(feeds, rows):
        return _joined(loaded, served, feeds, rows, until)
    at_once = serving.max_concurrent or at_once
    if at_once is None:
        return _call(loaded, served, feeds, rows, until)
    name = served.model_name
    with loaded.lane.place(name=name, serving=serving, at_once=at_once, until=until, call_ms=measures.recent_ms):
        return _call(loaded, served, feeds, rows, until)


def _joined(loaded: "Loaded", served: Served, feeds: Feeds, rows: int, until: float) -> tuple[RawOutput, float]:
    begun, took_ms = time.perf_counter(), None

    def call(feeds: Feeds, until: float) -> RawOutput:
        nonlocal took_ms
        output, took_ms = _call(loaded, served, feeds, len(next(iter(feeds.values()))), until)
        return output

    output = loaded.joiner.run(call, feeds, rows=rows, until=until, name=served.model_name, serving=served.serving)
    # None: another request led the call that ran these rows.
    return output, (time.perf_counter() - begun) * 1000 if took_ms is None else took_ms


def _call(loaded: "Loaded", served: Served, feeds: Feeds, rows: int, until: float) -> tuple[RawOutput, float]:
    started = time.perf_counter()
    output = deadlines.call(
        loaded.model,
        feeds,
        name=served.model_name,
        until=until,
        deadline_seconds=served.serving.deadline_seconds,
        version_id=served.version_id,
    )
    took_ms = (time.perf_counter() - started) * 1000
    loaded.measures.note(took_ms, rows)
    return output, took_ms
