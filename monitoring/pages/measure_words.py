"""Measures of quality as pages write them."""

from typing import Any

from monitoring.outcomes.measures import Measure

WORDS = {
    "accuracy": "Accuracy", "precision_macro": "Precision", "recall_macro": "Recall", "f1_macro": "F1", "auc": "AUC",
    "log_loss": "Log loss", "brier": "Brier score", "mae": "Mean absolute error", "rmse": "Root mean square error",
    "bias": "Bias", "r2": "R²",
}  # fmt: skip
HINTS = {
    "precision_macro": "mean over classes", "recall_macro": "mean over classes", "f1_macro": "mean over classes",
    "log_loss": "less is better", "brier": "less is better", "mae": "less is better", "rmse": "less is better",
    "bias": "predicted minus true",
}  # fmt: skip
_SHARES = frozenset({"accuracy", "precision_macro", "recall_macro", "f1_macro", "precision", "recall", "f1"})


def measure_cell(measure: Measure) -> dict[str, Any]:
    """A measure as texts."""
    return {
        "name": WORDS.get(measure.name, measure.name.capitalize()),
        "hint": HINTS.get(measure.name, ""),
        "value": number(measure.value, measure.name),
        "interval": interval(measure),
        "labels": measure.labels,
    }


def number(value: float | None, name: str) -> str:
    """A share in percent, anything else with four digits."""
    if value is None:
        return "–"
    return f"{100 * value:.1f} %" if name in _SHARES else f"{value:.4g}"


def interval(measure: Measure) -> str:
    """`81.2 to 90.4 %`; empty where there is none."""
    if measure.low is None or measure.high is None:
        return ""
    if measure.name in _SHARES:
        return f"{100 * measure.low:.1f} to {100 * measure.high:.1f} %"
    return f"{measure.low:.4g} to {measure.high:.4g}"
