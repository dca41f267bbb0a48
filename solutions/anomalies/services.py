"""What the solution does: judge a transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from accounts.principal import Principal
from inference.explaining import Explanation
from inference.predictor import Answer, Question
from registry.models import ModelVersion
from solutions import asking
from solutions.anomalies import BOOSTED, FOREST, features, reasons
from solutions.anomalies.features import FRAUD
from solutions.anomalies.transaction import Transaction

DETECTORS = {"forest": FOREST, "boosted": BOOSTED}


@dataclass(frozen=True, slots=True)
class Asked:
    """A body as it was read."""

    transaction: Transaction
    use_cache: bool = True


@dataclass(frozen=True, slots=True)
class Judged:
    """The answer, as the API tells it, and the call's own facts."""

    body: dict[str, Any]
    answer: Answer


def judge(*, by: Principal, detector: str, read: Callable[[], Asked], request_id: str) -> Judged:
    """Whether a transaction stands out, by what is live of the detector. `read` gives the checked body; what it raises
    is recorded with the request.

    Raises NotTrained and what a prediction raises.
    """
    asked: Asked | None = None

    def question() -> Question:
        nonlocal asked
        asked = read()
        row = features.row_of(asked.transaction)
        columns = features.NUMBERS if detector == "forest" else features.COLUMNS
        instance = {name: row[name] for name in columns}
        return asking.rows([instance], use_cache=asked.use_cache, explain=True)

    answer = asking.ask(principal=by, model=DETECTORS[detector], read=question, request_id=request_id)
    assert asked is not None
    return Judged(_body(answer, detector, asked.transaction, request_id), answer)


def _body(answer: Answer, detector: str, transaction: Transaction, request_id: str) -> dict[str, Any]:
    score, threshold = score_of(answer), threshold_of(answer.served.version_id)
    said = answer.predictions.predictions[0]
    return {
        "is_anomaly": said in (-1, FRAUD) if score is None or threshold is None else score >= threshold,
        "score": score,
        "threshold": threshold,
        "reasons": reasons.of(answer.explanation, transaction),
        "detector": detector,
        "version": answer.served.number,
        "inference_time_ms": round(answer.inference_ms, 3),
        "from_cache": answer.cache == "hit",
        "degraded": bool(answer.degraded),
        "prediction_id": answer.prediction_id,
        "request_id": request_id,
    }


def score_of(answer: Answer) -> float | None:
    """From 0 to 1, larger for what stands out more; None where it is not known.

    The boosted trees' share for fraud; of a forest, whose answer is a label alone, 2 to the power of the margin that
    its explanation gives, which is the score of the paper.
    """
    told = answer.predictions
    if told.probabilities and told.classes and FRAUD in told.classes:
        share = told.probabilities[0][told.classes.index(FRAUD)]
        return None if share is None else float(share)
    if isinstance(answer.explanation, Explanation) and answer.explanation.unit == "log2 of the anomaly score":
        return float(2.0 ** answer.explanation.rows[0].margin)
    return None


@lru_cache(maxsize=64)
def threshold_of(version_id: int) -> float | None:
    """From which score on a version calls a transaction an anomaly: what its training wrote down. It never changes."""
    metrics = ModelVersion.objects.values_list("metrics", flat=True).get(pk=version_id)
    return next((float(one["value"]) for one in metrics if one.get("name") == "threshold"), None)
