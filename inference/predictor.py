"""The conductor: one prediction from its reference to its answer. Every door (view, wire format, command) calls it."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from accounts import limits
from accounts.principal import Principal
from inference import model_cache, prediction_cache
from inference.errors import BatchTooLarge
from inference.handlers.base import Payload, Predictions
from inference.model_cache import Loaded
from inference.records import Record
from registry import resolver
from registry.errors import ModelNotFound
from registry.resolver import Served


@dataclass(frozen=True, slots=True)
class Question:
    """What a client asks: the data and how to treat it."""

    payload: Payload
    use_cache: bool = True
    subject_id: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets. `inference_ms` is the model's own time, 0 for an answer from the cache."""

    prediction_id: str
    served: Served
    predictions: Predictions
    inference_ms: float
    cache: str  # hit, miss or bypass


def predict(*, principal: Principal, reference: str, read: Callable[[], Question], request_id: str) -> Answer:
    """Answer one request; `read` parses its body, so that a body that can't be read is written down too.

    Raises ModelNotFound, NoActiveVersion, VersionNotReady, BatchTooLarge, RateLimited, InputInvalid,
    ModelExecutionFailed, SpoolFull and whatever `read` raises. An answer that is returned is in the spool.
    """
    record = Record(_new_id(), request_id, principal)
    try:
        record.served = served = _resolve(reference, principal)
        question = read()
        record.payload, record.subject_id = question.payload, question.subject_id
        loaded = model_cache.cache.get(served)
        record.rows = _count_rows(loaded, question.payload)
        limits.charge_rows(principal=principal, rows=record.rows)
        predictions, state = _answer(loaded, question, record)
    except Exception as error:
        record.failed(error)
        raise
    record.succeeded(predictions, from_cache=state == "hit")
    return Answer(record.prediction_id, served, predictions, record.inference_ms, state)


def _resolve(reference: str, principal: Principal) -> Served:
    served = resolver.resolve(reference, user=principal.user)
    if not principal.may_use_model(served.model_name):
        raise ModelNotFound(f"There is no model {reference!r}.")
    return served


def _count_rows(loaded: Loaded, payload: Payload) -> int:
    rows = loaded.handler.count_rows(payload)
    if rows > loaded.served.max_batch_rows:
        raise BatchTooLarge(rows=rows, limit=loaded.served.max_batch_rows)
    return rows


def _answer(loaded: Loaded, question: Question, record: Record) -> tuple[Predictions, str]:
    feeds = loaded.handler.preprocess(question.payload, loaded.signature)
    if not question.use_cache or record.rows > prediction_cache.MAX_ROWS:
        return _run(loaded, feeds, record), "bypass"
    key = prediction_cache.key_of(sha256=loaded.served.sha256, feeds=feeds)
    if (known := prediction_cache.cache.get(key)) is not None:
        return known, "hit"
    predictions = _run(loaded, feeds, record)
    prediction_cache.cache.put(key, predictions)
    return predictions, "miss"


def _run(loaded: Loaded, feeds: Any, record: Record) -> Predictions:
    started = time.perf_counter()
    output = loaded.model.predict(feeds)
    record.inference_ms = (time.perf_counter() - started) * 1000
    return loaded.handler.postprocess(output, loaded.signature)


# -- Identifiers: unique without a system call for each -----------------------------------------------

_ids: tuple[int, int, Any] = (0, 0, None)


def _new_id() -> str:
    """A UUID (version 8: vendor-specific): 64 random bits drawn once per process, then a counter."""
    global _ids
    if _ids[0] != os.getpid():
        _ids = (
            os.getpid(),
            int.from_bytes(os.urandom(8), "big"),
            count(int.from_bytes(os.urandom(5), "big")),
        )
    high = (_ids[1] & ~0xF000) | 0x8000
    low = (0b10 << 62) | (next(_ids[2]) & ((1 << 62) - 1))
    text = f"{high:016x}{low:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
