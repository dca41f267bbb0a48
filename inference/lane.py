"""A prediction's body and answer as bytes, without DRF: what the fast lane does in place of the view."""

import orjson

from accounts.principal import Principal
from accounts.strict_json import load_object
from inference import model_cache, predictor, questions
from inference.predictor import Answer
from inference.serializers import answer_body
from registry import resolver


def is_steady(reference: str) -> bool:
    """Whether the version that `reference` means is known and loaded: an answer then needs no database and no disk."""
    served = resolver.recall(reference)
    return served is not None and model_cache.cache.holds(served)


def predict(*, principal: Principal, reference: str, body: bytes, request_id: str) -> Answer:
    """`predictor.predict` for a body that is not read yet. Raises what it raises, and the serializer's refusals."""
    return predictor.predict(
        principal=principal,
        reference=reference,
        read=lambda: questions.read(load_object(body)),
        request_id=request_id,
    )


def answer_text(answer: Answer, *, request_id: str) -> bytes:
    """The body of the answer, as the view's renderer writes it."""
    return orjson.dumps(answer_body(answer, request_id=request_id))
