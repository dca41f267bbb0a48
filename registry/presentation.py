"""What the admin says about a version, ready to be shown: texts and rows, no HTML, no queries."""

import json
from typing import Any

from registry.models import ModelVersion, Status

UNFINISHED = (Status.PENDING, Status.VALIDATING)
# The look of a status: a class of the style sheet and a colour of the admin's labels.
TONES = {
    Status.PENDING: "info",
    Status.VALIDATING: "info",
    Status.READY: "success",
    Status.FAILED: "danger",
    Status.DEPRECATED: "warning",
    Status.ARCHIVED: "muted",
}
# Failures a person may overrule: the model is fine, only its compiled form is missing or differs.
CURED_BY_TRUST = frozenset({"not_compilable", "parity_failed"})


def pretty(document: Any) -> str:
    """JSON as people read it; empty for nothing."""
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=False) if document else ""


def progress(version: ModelVersion) -> dict[str, Any]:
    """Where validation is, for the page's script: status, label, step, percent, has_ended."""
    state = version.progress or {}
    step = str(state.get("step", "")) or (
        "Waiting for a job runner" if version.status == Status.PENDING else "Starting"
    )
    percent = max(0, min(100, round(100 * float(state.get("fraction", 0)))))
    return {
        "status": version.status,
        "label": version.get_status_display(),
        "step": step[:1].upper() + step[1:],
        "percent": percent,
        "has_ended": version.status not in UNFINISHED,
    }
