"""What is answered instead when a model can't: opt-in for each model, always marked as degraded, never cached."""

from typing import Any

from inference.errors import (
    DeadlineExceeded,
    ModelExecutionFailed,
    ModelOverloaded,
    ModelTooLarge,
    RuntimeUnavailable,
)
from inference.handlers.base import Predictions
from registry.errors import DigestMismatch
from registry.resolver import Served

# What of an error callers are told in X-Degraded.
_REASONS: dict[type[Exception], str] = {
    DeadlineExceeded: "deadline_exceeded",
    ModelOverloaded: "model_overloaded",
    ModelExecutionFailed: "model_failed",
    RuntimeUnavailable: "runtime_unavailable",
    ModelTooLarge: "model_too_large",
    DigestMismatch: "digest_mismatch",
}


def reason_of(error: Exception) -> str:
    """Why the model can't answer; empty when the error isn't the model's, but the request's or ours."""
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), "")


def predictions_of(served: Served, rows: int) -> Predictions | None:
    """The model's fixed answer for each row; None when it has none."""
    given = served.serving.fallback
    if given is None or not rows:
        return None
    classes = served.signature.get("classes")
    return Predictions([_copy(given) for _ in range(rows)], None, list(classes) if classes else None, None)


def _copy(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value
