"""What the solution does: classify notifications, and say what should be done with each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from accounts.models import User
from accounts.principal import Principal
from inference.predictor import Answer, Question
from registry.models import ModelVersion
from solutions import asking
from solutions.errors import TooMuch
from solutions.notifications import MODEL, actions, reasons
from solutions.notifications.wording import as_read
from solutions.trained import TrainedModel

MAX_BATCH = 100


@dataclass(frozen=True, slots=True)
class Notification:
    """What a client asks about."""

    text: str
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A body as it was read."""

    notifications: list[Notification]
    use_cache: bool = True


@dataclass(frozen=True, slots=True)
class Judged:
    """The answer to one notification, as the API tells it, and the call's own facts."""

    results: list[dict[str, Any]]
    answer: Answer


def classify(*, by: Principal, read: Callable[[], Asked], request_id: str) -> Judged:
    """Classify up to MAX_BATCH notifications in one call of what is live.

    `read` gives the checked body; what it raises is recorded with the request. Raises NotTrained, TooMuch and what a
    prediction raises.
    """
    asked = Asked([])

    def question() -> Question:
        nonlocal asked
        asked = read()
        if len(asked.notifications) > MAX_BATCH:
            raise TooMuch(
                f"A batch has at most {MAX_BATCH} notifications.", rows=len(asked.notifications), limit=MAX_BATCH
            )
        rows = [as_read(one.text, one.sender) for one in asked.notifications]
        return asking.rows(rows, use_cache=asked.use_cache, explain=True)

    answer = asking.ask(principal=by, model=MODEL, read=question, request_id=request_id)
    return Judged([_result(answer, row, one) for row, one in enumerate(asked.notifications)], answer)


def _result(answer: Answer, row: int, asked: Notification) -> dict[str, Any]:
    told = answer.predictions
    label = str(told.predictions[row])
    confidence = told.confidence[row] if told.confidence else None
    rule = actions.rule_for(answer.served.version_id, label)
    action, is_sure = rule.decide(confidence)
    words = reasons.words_for(answer.explanation, row)
    return {
        "classification": label,
        "confidence": confidence,
        "action": action,
        "reasoning": reasons.told(
            label=label, confidence=confidence, words=words, is_sure=is_sure, threshold=rule.threshold
        ),
        "inference_time_ms": round(answer.inference_ms, 3),
        "from_cache": answer.cache == "hit",
        "metadata": {
            "version": answer.served.number,
            "timestamp": timezone.now(),
            "sender": asked.sender or None,
            "prediction_id": answer.prediction_id,
            "degraded": bool(answer.degraded),
        },
    }


def adopt(*, version: ModelVersion, trained: TrainedModel, by: User) -> None:
    """What the platform calls with each version that a training yields: it gets its action map."""
    actions.adopt(version=version, labels=sorted(set(trained.expected or [])))
