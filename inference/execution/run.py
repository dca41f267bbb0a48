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


def run(loaded: "Loaded", served: Served, feeds: Feeds, *, rows: int, until: float) -> RawOutput:
    """The model's output for these rows, before `until` (a time of `perf_counter`).

    `served` says how the model is to be served now. Raises ModelOverloaded, DeadlineExceeded, ModelExecutionFailed.
    """
    if not loaded.measures.is_slow(rows):
        return _run(loaded, served, feeds, rows, until)
    with slow_threads.one(served.model_name):
        return _run(loaded, served, feeds, rows, until)


def _run(loaded: "Loaded", served: Served, feeds: Feeds, rows: int, until: float) -> RawOutput:
    serving, measures = served.serving, loaded.measures

    def call(feeds: Feeds, until: float) -> RawOutput:
        started = time.perf_counter()
        output = deadlines.call(
            loaded.model,
            feeds,
            name=served.model_name,
            until=until,
            deadline_seconds=serving.deadline_seconds,
            version_id=served.version_id,
        )
        measures.note((time.perf_counter() - started) * 1000, rows)
        return output

    if measures.pays_to_join and rows < serving.batch_max_rows and can_join(feeds, rows):
        return loaded.joiner.run(call, feeds, rows=rows, until=until, name=served.model_name, serving=serving)
    at_once = serving.max_concurrent or (slow_threads_allowed() if measures.is_slow(rows) else None)
    if at_once is None:
        return call(feeds, until)
    with loaded.lane.place(
        name=served.model_name, serving=serving, at_once=at_once, until=until, call_ms=measures.recent_ms
    ):
        return call(feeds, until)
