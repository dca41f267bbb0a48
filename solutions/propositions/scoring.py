"""The scores of candidates: from what is live, in one call of the predictor, or by rules when that can't be."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from accounts.principal import Principal
from inference import fallback
from inference.errors import BatchTooLarge, InputInvalid
from inference.predictor import Answer
from registry.errors import ModelNotFound, NoActiveVersion, VersionNotReady
from registry.models import RegisteredModel
from registry.resolver import Served
from solutions import asking
from solutions.errors import NotTrained
from solutions.propositions import MODEL
from solutions.propositions.features.columns import COLUMNS
from solutions.propositions.features.matrix import Matrix
from solutions.propositions.ranking import rules

Scores = np.ndarray[Any, np.dtype[np.float64]]
NOT_SUITABLE = "model_not_suitable"


@dataclass(frozen=True, slots=True)
class Scored:
    """scores: one for each row. served: the version that gave them, None when the rules did, for `reason`."""

    scores: Scores
    served: Served | None = None
    reason: str = ""
    prediction_id: str = ""
    inference_ms: float = 0.0

    @property
    def version(self) -> int | None:
        """The number of the version that answered."""
        return self.served.number if self.served else None


def of_rows(rows: Matrix, *, by: Principal, user_id: str, request_id: str) -> Scored:
    """Raises ModelNotFound where a model is there that this caller may not use, and what isn't the model's fault."""
    try:
        answer = asking.ask(
            principal=by,
            model=MODEL,
            read=lambda: asking.rows(rows.tolist(), use_cache=False, subject_id=user_id),
            request_id=request_id,
        )
    except NotTrained as error:
        if isinstance(error.__cause__, ModelNotFound) and _is_hidden():
            raise error.__cause__ from None
        no_version = isinstance(error.__cause__, NoActiveVersion)
        return _by_rules(rows, "no_active_version" if no_version else "no_model")
    except VersionNotReady as error:
        return _by_rules(rows, error.code)
    except (InputInvalid, BatchTooLarge):
        return _by_rules(rows, NOT_SUITABLE)
    except Exception as error:
        reason = fallback.reason_of(error)
        if not reason:
            raise
        return _by_rules(rows, reason)
    if answer.degraded:
        return _by_rules(rows, answer.degraded)
    return _by_model(rows, answer)


def _by_model(rows: Matrix, answer: Answer) -> Scored:
    """The probability of a click. A version that was trained on other columns isn't believed."""
    told, signature = answer.predictions, answer.served.signature
    names = tuple(column["name"] for column in signature.get("inputs", []))
    if names != COLUMNS or told.probabilities is None or told.classes is None or 1 not in told.classes:
        return _by_rules(rows, NOT_SUITABLE)
    place = told.classes.index(1)
    scores = np.array([row[place] for row in told.probabilities], dtype=np.float64)
    if not np.isfinite(scores).all():
        return _by_rules(rows, NOT_SUITABLE)
    return Scored(scores, answer.served, "", answer.prediction_id, answer.inference_ms)


def _by_rules(rows: Matrix, reason: str) -> Scored:
    return Scored(rules.scores(rows), None, reason)


def _is_hidden() -> bool:
    """Whether there is a model, but not for this caller."""
    return RegisteredModel.objects.listed().filter(name=MODEL).exists()
