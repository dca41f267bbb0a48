"""Does the compiled model answer as the original does?

Labels are equal, probabilities agree within 1e-4, regression values within 1e-4 of their size. A
label may differ only where the original's two best scores are no further apart than that (a tie);
ties are counted and reported, and a way to compile with fewer of them is preferred. Regression values
near zero are sums whose parts cancel, so they are also right within a millionth of the model's typical
answer (the median size). Originals that compute in single precision are no more exact than that themselves: what
`compare` calls `is_single` is right within a hundred-thousandth of the mean size.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from inference.validation.outputs import Answers, as_floats

PROBABILITY_TOLERANCE = 1e-4
REGRESSION_TOLERANCE = 1e-4
REGRESSION_FLOOR, SINGLE_FLOOR = 1e-6, 1e-5
SINGLE_PRECISION = frozenset({"torch_export", "torchscript"})
TIE = 1e-4


@dataclass(frozen=True, slots=True)
class Parity:
    """max_difference: absolute for probabilities, relative for regression; row: where it is."""

    passed: bool
    rows: int
    label_mismatches: int = 0
    ties: int = 0
    max_difference: float | None = None
    row: int | None = None
    tolerance: float = PROBABILITY_TOLERANCE
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare(reference: Answers, got: Answers, task: str, *, is_single: bool = False) -> Parity:
    """Both over the same rows. is_single: the original computes in single precision, see SINGLE_PRECISION."""
    if len(reference.predictions) != len(got.predictions):
        return Parity(False, len(reference.predictions), reason="the number of answers differs")
    if task == "regression":
        return _compare_values(reference, got, is_single)
    return _compare_labels(reference, got)


def _floor(wanted: "np.ndarray[Any, Any]", is_single: bool) -> float:
    """The error that is right whatever the size of the value."""
    if not np.isfinite(wanted).any():
        return 0.0
    if is_single:
        return SINGLE_FLOOR * float(np.nanmean(np.abs(wanted)))
    return REGRESSION_FLOOR * float(np.nanmedian(np.abs(wanted)))


def _compare_values(reference: Answers, got: Answers, is_single: bool) -> Parity:
    wanted, found = as_floats(reference.predictions), as_floats(got.predictions)
    rows = len(wanted)
    if wanted.shape != found.shape:
        return Parity(False, rows, reason="the shape of the answers differs")
    scale = np.abs(wanted) + _floor(wanted, is_single) / REGRESSION_TOLERANCE
    with np.errstate(invalid="ignore", divide="ignore"):
        equal = (wanted == found) | (np.isnan(wanted) & np.isnan(found))
        difference = np.where(equal, 0.0, np.abs(wanted - found) / scale)
    difference = np.where(np.isnan(difference), np.inf, difference).reshape(rows, -1).max(axis=1)
    row, worst = int(difference.argmax()), float(difference.max())
    passed = worst <= REGRESSION_TOLERANCE
    reason = "" if passed else f"values differ by up to {worst:.3g} of their size"
    return Parity(passed, rows, 0, 0, _finite(worst), row, REGRESSION_TOLERANCE, reason)


def _compare_labels(reference: Answers, got: Answers) -> Parity:
    rows = len(reference.predictions)
    pairs = enumerate(zip(reference.predictions, got.predictions, strict=True))
    different = [row for row, (wanted, found) in pairs if wanted != found]
    wrong = [row for row in different if not _is_tie(reference, row)]
    ties = len(different) - len(wrong)
    worst, row = _worst_probability(reference, got)
    passed = not wrong and (worst is None or worst <= PROBABILITY_TOLERANCE)
    reason = ""
    if wrong:
        row = wrong[0]
        reason = f"{len(wrong)} of {rows} labels differ"
    elif not passed:
        reason = f"probabilities differ by up to {worst:.3g}"
    finite = None if worst is None else _finite(worst)
    return Parity(passed, rows, len(wrong), ties, finite, row, PROBABILITY_TOLERANCE, reason)


def _worst_probability(reference: Answers, got: Answers) -> tuple[float | None, int | None]:
    if reference.probabilities is None:
        return None, None
    if got.probabilities is None:
        return float("inf"), 0
    wanted, found = as_floats(reference.probabilities), as_floats(got.probabilities)
    if wanted.shape != found.shape:
        return float("inf"), 0
    difference = np.abs(wanted - found)
    difference = np.where(np.isnan(wanted) & np.isnan(found), 0.0, difference)
    difference = np.where(np.isnan(difference), np.inf, difference).max(axis=1)
    row = int(difference.argmax())
    return float(difference[row]), row


def _is_tie(reference: Answers, row: int) -> bool:
    if reference.margins is not None:
        return reference.margins[row] <= TIE
    if reference.probabilities is None:
        return False
    scores = sorted(as_floats(reference.probabilities[row]))
    return len(scores) > 1 and bool(scores[-1] - scores[-2] <= TIE)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
