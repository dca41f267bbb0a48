"""What the admin says about a version, ready to be shown: texts and rows, no HTML, no queries."""

import json
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from registry.models import Format, ModelVersion, Status

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
_PROOF_LABELS = {
    "passed": "Answers as the original",
    "rows": "Rows compared",
    "label_mismatches": "Different labels",
    "ties": "Ties decided by rounding",
    "max_difference": "Largest difference",
    "row": "In row",
    "tolerance": "Tolerance",
}
# Failures a person may overrule: the model is fine, only its compiled form is missing or differs.
CURED_BY_TRUST = frozenset({"not_compilable", "parity_failed"})


@dataclass(frozen=True, slots=True)
class SignatureRow:
    """One thing a client sends."""

    name: str
    dtype: str
    shape: str


def moment(at: Any) -> SafeString | None:
    """A time that the page's script turns into the reader's zone."""
    if at is None:
        return None
    local = localtime(at)
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), local.strftime("%Y-%m-%d %H:%M %Z"))


def signature_rows(signature: dict[str, Any] | None) -> list[SignatureRow]:
    """The inputs of a stored signature. A cell is shown as "one value", a tensor with its sizes."""
    rows = []
    for entry in (signature or {}).get("inputs", []):
        sizes = entry.get("shape", [])[1:]
        shape = " × ".join("any" if size == -1 else str(size) for size in sizes) or "one value"
        rows.append(SignatureRow(str(entry.get("name", "")), str(entry.get("dtype", "")), shape))
    return rows


def facts(version: ModelVersion) -> list[tuple[str, Any]]:
    """What is known of the artifact and of how it runs, as (label, value); what isn't known is left out."""
    found = [
        ("File", version.original_name),
        ("Format", Format(version.format).label if version.format in Format.values else version.format),
        ("Size", filesizeformat(version.size_bytes)),
        ("Served by", _runtime(version)),
        ("Loads in", version.load_ms is not None and f"{version.load_ms:,.0f} ms"),
        ("Memory when loaded", version.memory_bytes is not None and filesizeformat(version.memory_bytes)),
        ("Uploaded by", version.created_by.email),
        ("Uploaded", moment(version.created_at)),
        ("Validated", moment(version.validated_at)),
        ("Trusted by", version.trusted_by.email if version.trusted_by else None),
        ("Trusted", moment(version.trusted_at)),
    ]
    return [(label, value) for label, value in found if value]


def _runtime(version: ModelVersion) -> str:
    if version.runtime == "sklearn":
        return "scikit-learn, natively (trusted)"
    if version.runtime == "onnx":
        return "ONNX Runtime, compiled from scikit-learn" if version.compiled else "ONNX Runtime"
    return version.runtime


def proof(parity: Any) -> list[tuple[str, str]]:
    """What the comparison with the original found, as (label, text): the plain values it holds."""
    if not isinstance(parity, dict):
        return []
    return [
        (_PROOF_LABELS.get(key) or str(key).replace("_", " ").capitalize(), _plain(value))
        for key, value in parity.items()
        if not isinstance(value, dict | list) and value not in (None, "")
    ]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


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
        "step": step,
        "percent": percent,
        "has_ended": version.status not in UNFINISHED,
    }
