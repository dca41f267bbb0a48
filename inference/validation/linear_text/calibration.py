"""Fitted calibrators as curves."""

from typing import Any

import numpy as np

from inference.runtimes.linear_text.program import Curve
from inference.validation.linear_text.refusal import NotCovered


def curves(member: Any, classes: int) -> tuple[Curve, ...]:
    """One per score of the calibrated model. Raises NotCovered."""
    wanted = 1 if classes == 2 else classes
    if member.method not in ("sigmoid", "isotonic") or len(member.calibrators) != wanted:
        raise NotCovered(f"calibration by {member.method} has no linear form")
    return tuple(_curve(calibrator) for calibrator in member.calibrators)


def _curve(calibrator: Any) -> Curve:
    if hasattr(calibrator, "a_"):
        return Curve("sigmoid", float(calibrator.a_), float(calibrator.b_))
    if calibrator.out_of_bounds != "clip":
        raise NotCovered("a calibration that knows nothing beyond its points has no linear form")
    x = np.asarray(calibrator.X_thresholds_, dtype=np.float64)
    return Curve("isotonic", x=x, y=np.asarray(calibrator.y_thresholds_, dtype=np.float64))
