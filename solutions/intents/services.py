"""What the solution does: tell what a customer wants."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from accounts.principal import Principal
from inference.explaining import Explanation
from inference.predictor import Answer, Question
from solutions import asking
from solutions.intents import MODEL

MOST_ALTERNATIVES = 3
MOST_REASONS = 3
LEAST_SHARE = 0.01  # less likely intents are no alternatives


@dataclass(frozen=True, slots=True)
class Asked:
    """A body as it was read."""

    query: str
    use_cache: bool = True


@dataclass(frozen=True, slots=True)
class Understood:
    """The answer, as the API tells it, and the call's own facts."""

    body: dict[str, Any]
    answer: Answer


def understand(*, by: Principal, read: Callable[[], Asked], request_id: str) -> Understood:
    """What the query wants, by what is live.

    `read` gives the checked body; what it raises is recorded with the request. Raises NotTrained and what a prediction
    raises.
    """

    def question() -> Question:
        asked = read()
        return asking.rows([asked.query], use_cache=asked.use_cache, explain=True)

    answer = asking.ask(principal=by, model=MODEL, read=question, request_id=request_id)
    return Understood(_body(answer, request_id), answer)


def _body(answer: Answer, request_id: str) -> dict[str, Any]:
    told = answer.predictions
    shares = ranked(answer)
    return {
        "intent": str(told.predictions[0]),
        "confidence": told.confidence[0] if told.confidence else None,
        "alternatives": [
            {"intent": intent, "confidence": share}
            for intent, share in shares[1 : MOST_ALTERNATIVES + 1]
            if share >= LEAST_SHARE
        ],
        "reasons": reasons(answer),
        "version": answer.served.number,
        "inference_time_ms": round(answer.inference_ms, 3),
        "from_cache": answer.cache == "hit",
        "degraded": bool(answer.degraded),
        "prediction_id": answer.prediction_id,
        "request_id": request_id,
    }


def ranked(answer: Answer) -> list[tuple[str, float]]:
    """The intents, the likeliest first."""
    told = answer.predictions
    shares = zip(told.classes or [], (told.probabilities or [[]])[0], strict=False)
    return sorted(((str(intent), share) for intent, share in shares if share is not None), key=lambda pair: -pair[1])


def reasons(answer: Answer) -> list[dict[str, Any]]:
    """The words that spoke most for the intent, with what each added to its margin; none where none is known."""
    if not isinstance(answer.explanation, Explanation):
        return []
    parts = answer.explanation.rows[0].contributions
    spoke_for = [{"word": one.name, "contribution": one.contribution} for one in parts if one.contribution > 0]
    return spoke_for[:MOST_REASONS]
