"""Every metric that Prometheus can scrape, declared once. Any app may count; `docs/metrics.md` is made from this page.

Counters and histograms are kept in a file of each process below METRICS_DIR, so that a scrape of any process tells
the sum over all of this host's, and what a killed process had counted stays counted. What is a state rather than a
count (`STATES`) is read from what the processes say of themselves when the page is asked for.
"""

import threading
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from accounts import metric_files

metric_files.use()
# Nothing is served from it: a scrape reads the files. Metrics that others declare go to the library's own registry.
_registry = CollectorRegistry()

_LATENCY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_CONFIDENCE_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
_SUGGESTION_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 5.0)
_MAX_REMEMBERED = 4096

PREDICTIONS = Counter(
    "ml_prediction",
    "Prediction requests by how they ended: ok, cached, fallback, invalid, error or timeout.",
    ["model", "version", "status"],
    registry=_registry,
)
LATENCY = Histogram(
    "ml_prediction_latency_seconds",
    "From a prediction request's arrival to its answer.",
    ["model"],
    buckets=_LATENCY_BUCKETS,
    registry=_registry,
)
CONFIDENCE = Histogram(
    "ml_prediction_confidence",
    "The probability of the class that was answered, for single rows of models that have probabilities.",
    ["model"],
    buckets=_CONFIDENCE_BUCKETS,
    registry=_registry,
)
INVALID_INPUTS = Counter(
    "ml_invalid_input", "Refused inputs by the code of the refusal.", ["model", "error"], registry=_registry
)
FALLBACKS = Counter(
    "ml_prediction_fallback",
    "Requests that the model's fallback answered, by what went wrong with the model.",
    ["model", "reason"],
    registry=_registry,
)
DROPPED = Counter(
    "ml_prediction_log_dropped",
    "Records given up: no room (full), no room and the request was refused (refused), or the disk failed (failed).",
    ["reason"],
    registry=_registry,
)
SHED = Counter(
    "ml_requests_shed",
    "Requests answered 503 `overloaded` for want of a thread: too many waited (full), the wait was expected to be too "
    "long (expected), or it was (late).",
    ["reason"],
    registry=_registry,
)
SHORTENED = Counter(
    "ml_prediction_log_shortened",
    "Prediction records written without input and output, because the spool was nearly full.",
    ["reason"],
    registry=_registry,
)
CACHE_HITS = Counter(
    "ml_model_cache_hits",
    "Questions that a cache answered; type is `prediction` (answers) or `model` (loaded versions).",
    ["type"],
    registry=_registry,
)
CACHE_MISSES = Counter(
    "ml_model_cache_misses", "Questions that a cache could not answer.", ["type"], registry=_registry
)
SUGGESTIONS = Counter(
    "ml_suggestion",
    "Lists of propositions by where they came from: model, cached or rules.",
    ["source"],
    registry=_registry,
)
SUGGESTION_SECONDS = Histogram(
    "ml_suggestion_seconds",
    "From a request for propositions to its list, with what is logged of it.",
    ["source"],
    buckets=_SUGGESTION_BUCKETS,
    registry=_registry,
)
BATCH_ROWS = Counter(
    "ml_batch_rows",
    "Rows of files that were scored in bulk, counted when their job ends: ok, or failed (they have no answer).",
    ["model", "version", "status"],
    registry=_registry,
)
BATCH_JOBS = Counter(
    "ml_batch_jobs", "Batch jobs by how they ended: done, failed or cancelled.", ["model", "status"], registry=_registry
)


@dataclass(frozen=True, slots=True)
class State:
    """A gauge: its value is looked up when somebody asks."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


BREAKER = State("ml_circuit_breaker_state", "0 closed, 1 half-open, 2 open: the worst of this host's.", ("name",))
MODEL_LOADED = State("ml_model_loaded", "Serving processes that hold the version in memory.", ("model", "version"))
MODEL_MEMORY = State("ml_model_memory_bytes", "Memory of a loaded version, per process.", ("model", "version"))
MODEL_LOAD = State("ml_model_load_seconds", "The longest that a process took to load it.", ("model", "version"))
IN_FLIGHT = State("ml_inflight", "Calls now running of slow models and those with bounded lanes.", ("model", "version"))
QUEUED = State("ml_queue_depth", "Requests waiting for a place in a model's lane.", ("model", "version"))
MODEL_FAILED = State("ml_model_load_failed", "Serving processes that can't load a live version.", ("model", "version"))
ACTIVE_VERSION = State("ml_registry_active_version", "The number of the version that is live.", ("model",))
MODEL_DAMAGED = State(
    "ml_model_file_damaged",
    "1 while a stored file of the version is missing, altered or swapped.",
    ("model", "version", "code"),
)
PROCESSES = State("ml_serving_processes", "Serving processes of this host by whether they are ready.", ("ready",))
RESIDENT = State("ml_process_resident_bytes", "Resident memory of this host's serving processes.", ("pid",))
CACHE_SIZE = State("ml_prediction_cache_size", "Answers remembered by this host's processes.")
SPOOLED = State("ml_spool_pending_bytes", "Prediction records of this host that are not in the database yet.")
SPOOL_AGE = State("ml_spool_oldest_seconds", "Age of the oldest of them.")
ALERTS = State("ml_alert_firing", "Subjects for which the rule fires, on all hosts.", ("rule", "severity"))
STATES = (
    BREAKER,
    MODEL_LOADED,
    MODEL_MEMORY,
    MODEL_LOAD,
    IN_FLIGHT,
    QUEUED,
    MODEL_FAILED,
    ACTIVE_VERSION,
    MODEL_DAMAGED,
    PROCESSES,
    RESIDENT,
    CACHE_SIZE,
    SPOOLED,
    SPOOL_AGE,
    ALERTS,
)
COUNTED: tuple[Counter | Histogram, ...] = (
    PREDICTIONS,
    LATENCY,
    CONFIDENCE,
    INVALID_INPUTS,
    FALLBACKS,
    DROPPED,
    SHED,
    SHORTENED,
    CACHE_HITS,
    CACHE_MISSES,
    SUGGESTIONS,
    SUGGESTION_SECONDS,
    BATCH_ROWS,
    BATCH_JOBS,
)


def count_prediction(
    *, model: str, version: int, status: str, seconds: float, confidence: float | None = None, error_code: str = ""
) -> None:
    """Count one prediction request. `status` is an outcome of the prediction log.

    The counts are in the file when this returns. What is spread over buckets waits for `observe_pending`.
    """
    _of_version(model, version, status).inc(1)
    if error_code:
        _count_code(model, status, error_code)
    _latencies_of(model).add(seconds)
    if confidence is not None:
        _confidences_of(model).add(confidence)


def _count_code(model: str, status: str, error_code: str) -> None:
    if status == "invalid":
        _invalid_of(model, error_code).inc()
    elif status == "fallback":
        _fallback_of(model, error_code).inc()


def count_suggestion(*, source: str, seconds: float) -> None:
    """Count one list of propositions: by a `model`, `cached`, or by `rules`."""
    SUGGESTIONS.labels(source).inc()
    SUGGESTION_SECONDS.labels(source).observe(seconds)


def count_batch(*, model: str, version: int, status: str, answered: int, failed: int) -> None:
    """Count a batch job that ended, and its rows. `status`: how it ended."""
    BATCH_JOBS.labels(model, status).inc()
    BATCH_ROWS.labels(model, version, "ok").inc(answered)
    BATCH_ROWS.labels(model, version, "failed").inc(failed)


def observe_pending() -> None:
    """Bring latencies and confidences into their histograms: with each heartbeat, and before a scrape."""
    for waiting in list(_waiting):
        waiting.observe()


class _Waiting:
    """Observations of one histogram that are not in its file yet: many are brought there for the price of one."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram: Any = histogram
        self._bounds: list[float] = self._histogram._upper_bounds
        self._lock = threading.Lock()
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0
        _waiting.append(self)

    def add(self, value: float) -> None:
        bucket = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[bucket] += 1
            self._sum += value

    def observe(self) -> None:
        """The library offers no public way to observe many at once."""
        with self._lock:
            counts, total = self._counts, self._sum
            self._counts, self._sum = [0] * len(self._bounds), 0.0
        for bucket, times in enumerate(counts):
            if times:
                self._histogram._buckets[bucket].inc(times)
        if total:
            self._histogram._sum.inc(total)


_waiting: list[_Waiting] = []


# Finding a labelled child costs more than counting with it.
@lru_cache(_MAX_REMEMBERED)
def _of_version(model: str, version: int, status: str) -> Any:
    """The number itself: the counter around it asks each time whether it may count."""
    return PREDICTIONS.labels(model, version, status)._value


@cache
def _latencies_of(model: str) -> _Waiting:
    return _Waiting(LATENCY.labels(model))


@cache
def _confidences_of(model: str) -> _Waiting:
    return _Waiting(CONFIDENCE.labels(model))


@lru_cache(_MAX_REMEMBERED)
def _invalid_of(model: str, error_code: str) -> Any:
    return INVALID_INPUTS.labels(model, error_code)


@lru_cache(_MAX_REMEMBERED)
def _fallback_of(model: str, reason: str) -> Any:
    return FALLBACKS.labels(model, reason)


@lru_cache
def shed_requests(reason: str) -> Any:
    """The counter of requests that no thread took in time."""
    return SHED.labels(reason)


@lru_cache
def dropped_records(reason: str) -> Any:
    """The counter of records that were given up."""
    return DROPPED.labels(reason)


@lru_cache
def shortened_records(reason: str) -> Any:
    """The counter of records whose data was left out."""
    return SHORTENED.labels(reason)


@lru_cache
def cache_hits(type: str) -> Any:
    """The counter of a cache's hits; keep it, and call `inc()`."""
    return CACHE_HITS.labels(type)


@lru_cache
def cache_misses(type: str) -> Any:
    """The counter of a cache's misses."""
    return CACHE_MISSES.labels(type)
