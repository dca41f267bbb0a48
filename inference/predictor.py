"""The conductor: one prediction from its reference to its answer. Every door (view, wire format, command) calls it."""

import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

from accounts import limits
from accounts.principal import Principal
from inference import execution, fallback, handlers, model_cache, prediction_cache, shared_answers, strikes
from inference.errors import BatchTooLarge, DeadlineExceeded
from inference.explaining import Explanation, NotExplained
from inference.explaining import door as explaining
from inference.handlers.base import Arrays, Payload, Predictions
from inference.model_cache import Loaded
from inference.records import Record
from registry import resolver
from registry.errors import ModelNotFound
from registry.resolver import Served


class Question(NamedTuple):
    """What a client asks: the data and how to treat it."""

    payload: Payload
    use_cache: bool = True
    subject_id: str = ""
    explain: bool = False


class Answer(NamedTuple):
    """What the client gets. `inference_ms` is the model's own time, 0 for an answer from the cache.

    `degraded`: why the answer is the model's fallback; empty when the model gave it. `explanation`: None unless asked.
    """

    prediction_id: str
    served: Served
    predictions: Predictions
    inference_ms: float
    cache: str  # hit, miss or bypass
    degraded: str = ""
    explanation: Explanation | NotExplained | None = None


def predict(
    *,
    principal: Principal,
    reference: str,
    read: Callable[[], Question],
    request_id: str,
    arrived_at: float | None = None,
) -> Answer:
    """Answer one request; `read` parses its body, so that a body that can't be read is written down too.

    `arrived_at`, a time of `perf_counter`: when it came, if it has waited since; the deadline counts from there.

    Raises ModelNotFound, NoActiveVersion, VersionNotReady, BatchTooLarge, RateLimited, InputInvalid, SpoolFull,
    TooManyToExplain and whatever `read` raises; and, unless the model has a fallback, what loading it raises,
    ModelExecutionFailed, ModelOverloaded, DeadlineExceeded. An answer that is returned is in the spool.
    """
    record = Record(_new_id(), request_id, principal)
    if arrived_at is not None:
        record.came_at(arrived_at)
    try:
        record.served = served = _resolve(reference, principal)
        question = read()
        record.payload, record.subject_id = question.payload, question.subject_id
        record.rows = _count_rows(served, question.payload)
        if question.explain:
            explaining.require_few(record.rows)
            record.explanation = NotExplained("fallback")  # until the model has answered
        loaded = model_cache.cache.get(served)
        limits.charge_rows(principal=principal, rows=record.rows)
        feeds = loaded.handler.preprocess(question.payload, loaded.signature)
        predictions, state = _answer(loaded, served, feeds, question.use_cache, record)
        if question.explain:
            record.explanation = explaining.explain(
                signature=loaded.signature,
                served=served,
                payload=question.payload,
                predictions=predictions.predictions,
                until=record.started + served.serving.deadline_seconds,
            )
    except Exception as error:
        degraded = _instead(error, record)
        if degraded is None:
            record.failed(error)
            raise
        return degraded
    record.succeeded(predictions, from_cache=state == "hit")
    return Answer(record.prediction_id, served, predictions, record.inference_ms, state, explanation=record.explanation)


def _resolve(reference: str, principal: Principal) -> Served:
    served = resolver.resolve(reference, user=principal.user)
    if not principal.may_use_model(served.model_name):
        raise ModelNotFound(f"There is no model {reference!r}.")
    return served


def _count_rows(served: Served, payload: Payload) -> int:
    rows = handlers.get(served.signature["handler"]).count_rows(payload)
    if rows > served.max_batch_rows:
        raise BatchTooLarge(rows=rows, limit=served.max_batch_rows)
    return rows


def _answer(loaded: Loaded, served: Served, feeds: Arrays, use_cache: bool, record: Record) -> tuple[Predictions, str]:
    until = record.started + served.serving.deadline_seconds
    seconds = prediction_cache.seconds_for(served.serving, pays=loaded.measures.pays_to_cache)
    if not use_cache or not seconds or record.rows > prediction_cache.MAX_ROWS:
        return _run(loaded, served, feeds, record, until), "bypass"
    try:
        predictions, was_known = prediction_cache.cache.answer(
            prediction_cache.key_of(served, feeds),
            lambda: _run(loaded, served, feeds, record, until),
            seconds=seconds,
            wait_seconds=until - time.perf_counter(),
            shared=shared_answers.level() if loaded.measures.pays_to_share else None,
        )
    except TimeoutError as error:
        raise DeadlineExceeded(served.model_name, deadline_seconds=served.serving.deadline_seconds) from error
    return predictions, "hit" if was_known else "miss"


def _run(loaded: Loaded, served: Served, feeds: Arrays, record: Record, until: float) -> Predictions:
    output, record.inference_ms = execution.run(loaded, served, feeds, rows=record.rows, until=until)
    return loaded.handler.postprocess(output, loaded.signature)


def _instead(error: Exception, record: Record) -> Answer | None:
    """The model's fallback, written down, if it has one and the error is the model's."""
    served, reason = record.served, fallback.reason_of(error)
    if served is None or not reason:
        return None
    strikes.note_overrun(error, served=served, rows=record.rows)
    predictions = fallback.predictions_of(served, record.rows)
    if predictions is None:
        return None
    record.fell_back(predictions, reason=reason)
    return Answer(record.prediction_id, served, predictions, 0.0, "bypass", reason, record.explanation)


# -- Identifiers: unique without a system call for each -----------------------------------------------

_VARIANT = 0b10 << 62
_head = ""
_numbers: Iterator[int]


def _draw() -> None:
    """The first half of this process's ids, a UUID's of version 8 (vendor-specific), and where its counter begins."""
    global _head, _numbers
    high = os.urandom(8).hex()
    _head = f"{high[:8]}-{high[8:12]}-8{high[13:]}-"
    _numbers = count(int.from_bytes(os.urandom(5), "big"))


def _new_id() -> str:
    """64 random bits drawn once per process, then a counter."""
    low = f"{_VARIANT | next(_numbers):x}"
    return f"{_head}{low[:4]}-{low[4:]}"


_draw()
os.register_at_fork(after_in_child=_draw)
