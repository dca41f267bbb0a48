"""A prediction's body and answer as bytes, without DRF: what the fast lane does in place of the view."""

import orjson

from accounts.principal import Principal
from accounts.strict_json import load_object
from inference import model_cache, prediction_cache, predictor, questions
from inference.predictor import Answer
from inference.serializers import answer_body
from registry import resolver


def is_steady(reference: str) -> bool:
    """Whether the version that `reference` means is known and loaded: an answer then needs no database and no disk."""
    served = resolver.recall(reference)
    return served is not None and model_cache.cache.holds(served)


def is_quick(reference: str, body: bytes) -> bool:
    """Whether such a request asks for a call of so little time that nobody need wait for it on a thread of its own.

    It never waits: neither for a place of the model, nor for the same answer to be computed, nor for a worker thread.
    """
    served = resolver.recall(reference)
    loaded = None if served is None else model_cache.cache.peek(served)
    if served is None or loaded is None or not loaded.is_quick or b"explain" in body:
        return False
    return served.serving.max_concurrent is None and not prediction_cache.seconds_for(
        served.serving, pays=loaded.measures.pays_to_cache
    )


def predict(
    *, principal: Principal, reference: str, body: bytes, request_id: str, arrived_at: float | None = None
) -> Answer:
    """`predictor.predict` for a body that is not read yet. Raises what it raises, and the serializer's refusals."""
    return predictor.predict(
        principal=principal,
        reference=reference,
        read=lambda: questions.read(load_object(body)),
        request_id=request_id,
        arrived_at=arrived_at,
    )


def answer_text(answer: Answer, *, request_id: str) -> bytes:
    """The body of the answer, as the view's renderer writes it."""
    return orjson.dumps(answer_body(answer, request_id=request_id))
