"""From the object in a body to a question: read at once where it is plain, shown to the serializer where it is not.

The serializer is the judge and the schema. What is taken here without asking it, it would take unchanged; a test
compares them. It costs more than everything else between the body and the model.
"""

from typing import Any

from inference.handlers.base import Payload
from inference.predictor import Question
from inference.serializers import DATA_FIELDS, MAX_SUBJECT_LENGTH, PredictSerializer

_KINDS = frozenset(DATA_FIELDS)
_OPTIONS = frozenset({"use_cache", "subject_id"})


def read(data: Any) -> Question:
    """Raises what the serializer does."""
    return (plain(data) if type(data) is dict else None) or judged(data)


def plain(data: dict[str, Any]) -> Question | None:
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


def judged(data: Any) -> Question:
    """The question as the serializer reads it. Raises its refusals."""
    form = PredictSerializer(data=data)
    form.is_valid(raise_exception=True)
    return form.question()
