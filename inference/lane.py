"""A prediction's body and answer as bytes, without DRF: what the fast lane does in place of the view.

The serializer stays the judge. What is plain here is read at once; everything else is shown to it, so that both doors
accept the same bodies and refuse the others in the same words.
"""

from typing import Any

import orjson

from accounts.principal import Principal
from accounts.strict_json import load_object
from inference import model_cache, predictor
from inference.handlers.base import Payload
from inference.predictor import Answer, Question
from inference.serializers import DATA_FIELDS, MAX_SUBJECT_LENGTH, PredictSerializer, answer_body
from registry import resolver

_KINDS = frozenset(DATA_FIELDS)
_OPTIONS = frozenset({"use_cache", "subject_id"})


def is_steady(reference: str) -> bool:
    """Whether the version that `reference` means is known and loaded: an answer then needs no database and no disk."""
    served = resolver.recall(reference)
    return served is not None and model_cache.cache.holds(served)


def predict(*, principal: Principal, reference: str, body: bytes, request_id: str) -> Answer:
    """`predictor.predict` for a body that is not read yet. Raises what it raises, and the serializer's refusals."""
    return predictor.predict(
        principal=principal, reference=reference, read=lambda: read_question(body), request_id=request_id
    )


def read_question(body: bytes) -> Question:
    """The question in a body, as `PredictSerializer` reads it. Raises what the strict reader and the serializer do."""
    data = load_object(body)
    return _plain(data) or _judged(data)


def answer_text(answer: Answer, *, request_id: str) -> bytes:
    """The body of the answer, as the view's renderer writes it."""
    return orjson.dumps(answer_body(answer, request_id=request_id))


def _plain(data: dict[str, Any]) -> Question | None:
    """A question in which nothing is to be converted or refused; None for every other."""
    kinds = data.keys() - _OPTIONS if len(data) > 1 else data.keys()
    if len(kinds) != 1:
        return None
    (kind,) = kinds
    if kind not in _KINDS or data[kind] is None:
        return None
    use_cache, subject = data.get("use_cache", True), data.get("subject_id", "")
    if type(use_cache) is not bool or type(subject) is not str:
        return None
    if subject and (len(subject) > MAX_SUBJECT_LENGTH or not subject.isascii() or not subject.isprintable()):
        return None
    if subject != subject.strip():
        return None
    return Question(Payload(kind, data[kind]), use_cache, subject)  # type: ignore[arg-type] # it is one of DATA_FIELDS


def _judged(data: dict[str, Any]) -> Question:
    form = PredictSerializer(data=data)
    form.is_valid(raise_exception=True)
    return form.question()
