"""What feedback says beside what was predicted: labels as texts, and the loss of one prediction. Knows no database."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from monitoring.outcomes.errors import FeedbackInvalid

CLASSIFICATION, REGRESSION = "classification", "regression"
SMALLEST_PROBABILITY = sys.float_info.epsilon
"""Probabilities are clipped to this before their logarithm is taken, as scikit-learn does it."""


@dataclass(frozen=True, slots=True)
class Told:
    """The truth, as it came: a label (text, whole number, number or truth value) or a number."""

    label: str | int | float | bool | None = None
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A truth beside its prediction. `reason` says why it can't be counted; empty when it can.

    log_loss: -ln of the probability given to the true class, clipped as scikit-learn clips it. brier: the sum over
    classes of the squared difference between probability and truth (0 to 2), for two classes half of that (0 to 1),
    as Brier (1950) and `sklearn.metrics.brier_score_loss` have them.
    """

    label: str | None = None
    value: float | None = None
    predicted_label: str | None = None
    predicted_value: float | None = None
    score: float | None = None
    log_loss: float | None = None
    brier: float | None = None
    reason: str = ""


def text_of(label: Any) -> str:
    """A label as the text that it is compared and counted by: `yes`, `1`, `true`; a whole float loses its point."""
    if isinstance(label, bool):
        return "true" if label else "false"
    if isinstance(label, float) and label.is_integer() and abs(label) < 2**53:
        return str(int(label))
    return str(label)


def judge(told: Told, *, task: str, classes: Sequence[Any] | None, output: Any, index: int, instances: int) -> Judged:
    """`told` beside row `index` of a recorded `output` ({predictions, probabilities}, or None where none was kept).

    Raises FeedbackInvalid: index_out_of_range, label_required, value_required, unknown_label, several_outputs.
    """
    if index >= instances:
        raise FeedbackInvalid(
            f"The prediction has {instances} row{'' if instances == 1 else 's'}; rows count from 0.",
            code="index_out_of_range", field="index",
        )  # fmt: skip
    said, shares = _row(output, index)
    if isinstance(said, list):
        raise FeedbackInvalid(
            "The model has several outputs; feedback takes one.", code="several_outputs", field="value"
        )
    if task == REGRESSION:
        return _judge_value(told, said)
    return _judge_label(told, said, shares, classes)


def _row(output: Any, index: int) -> tuple[Any, Any]:
    """The prediction and the probabilities of a row; None for what was not kept."""
    if not isinstance(output, dict):
        return None, None
    predictions, probabilities = output.get("predictions"), output.get("probabilities")
    said = predictions[index] if isinstance(predictions, list) and index < len(predictions) else None
    shares = probabilities[index] if isinstance(probabilities, list) and index < len(probabilities) else None
    return said, shares


def _judge_value(told: Told, said: Any) -> Judged:
    if told.value is None:
        raise FeedbackInvalid("The model predicts numbers: give value.", code="value_required", field="value")
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said):
        return Judged(value=told.value, reason="output_not_kept" if said is None else "output_not_a_number")
    return Judged(value=told.value, predicted_value=float(said))


def _judge_label(told: Told, said: Any, shares: Any, classes: Sequence[Any] | None) -> Judged:
    if told.label is None:
        raise FeedbackInvalid("The model predicts classes: give label.", code="label_required", field="label")
    label = text_of(told.label)
    known = [text_of(name) for name in classes] if classes else []
    if known and label not in known:
        shown = ", ".join(known[:20]) + (" …" if len(known) > 20 else "")
        raise FeedbackInvalid(f"The model knows the classes {shown}.", code="unknown_label", field="label")
    if said is None:
        return Judged(label=label, reason="output_not_kept")
    score, log_loss, brier = _losses(label, shares, known)
    return Judged(label=label, predicted_label=text_of(said)[:200], score=score, log_loss=log_loss, brier=brier)


def _losses(label: str, shares: Any, known: list[str]) -> tuple[float | None, float | None, float | None]:
    if not isinstance(shares, list) or len(shares) != len(known) or label not in known:
        return None, None, None
    if not all(isinstance(share, int | float) and math.isfinite(share) for share in shares):
        return None, None, None
    at = known.index(label)
    log_loss = -math.log(min(max(shares[at], SMALLEST_PROBABILITY), 1.0))
    brier = sum((share - (place == at)) ** 2 for place, share in enumerate(shares))
    is_binary = len(known) == 2
    return (shares[1] if is_binary else None), log_loss, brier / 2 if is_binary else brier
