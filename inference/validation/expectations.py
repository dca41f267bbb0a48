"""What the uploader says the sample's answers must be."""

from typing import Any

import numpy as np

from inference.errors import ValidationFailed
from inference.signature import Signature
from inference.validation.outputs import Answers

RELATIVE, ABSOLUTE = 1e-4, 1e-6
PROBABILITY = 1e-4


def require_rows(sample: list[Any] | None, expected: list[Any] | None) -> None:
    """Expected answers belong to sample rows, one each. Raises ValidationFailed sample_invalid."""
    if expected and (not sample or len(sample) != len(expected)):
        raise ValidationFailed(
            "sample_invalid",
            f"{len(expected)} expected answers were given for {len(sample or [])} sample rows.",
            field="expected",
        )


def compare(answers: Answers, signature: Signature, expected: list[Any] | None) -> None:
    """Raises ValidationFailed expected_mismatch for the first row that differs.

    An expectation is a label or value, or a list: of outputs, or of class probabilities.
    """
    for row, wanted in enumerate(expected or ()):
        if row >= len(answers.predictions):
            return
        found = answers.predictions[row]
        if isinstance(wanted, list) and not isinstance(found, list) and answers.probabilities:
            same = _close(answers.probabilities[row], wanted, PROBABILITY, 0.0)
            found = answers.probabilities[row]
        elif signature.task == "regression":
            same = _close(found, wanted, ABSOLUTE, RELATIVE)
        else:
            same = found == wanted
        if not same:
            raise ValidationFailed(
                "expected_mismatch",
                f"Sample row {row}: the model answers {_shown(found)}, {_shown(wanted)} was expected.",
                field="expected",
            )


def _close(found: Any, wanted: Any, absolute: float, relative: float) -> bool:
    try:
        left, right = np.array(found, dtype=np.float64), np.array(wanted, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return left.shape == right.shape and bool(np.allclose(left, right, rtol=relative, atol=absolute))


def _shown(value: Any) -> str:
    return ascii(value)[:200]
