"""What the admin says about a version, ready to be shown: texts and rows, no HTML, no queries."""

import json
import math
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from registry.models import Format, ModelVersion, RegisteredModel, Status

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
_LONGEST_ROW = 1_500
_MOST_NAMED = 12
_EXAMPLES: dict[str, Any] = {"string": "text", "bool": True, "int64": 1}


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


def curl(model: RegisteredModel, version: ModelVersion, *, is_live: bool, origin: str) -> str:
    """A command that calls the version: by the model's name when it is live, else by `name:version`."""
    reference = model.name if is_live else f"{model.name}:{version.number}"
    row = json.dumps(_shortened(example_row(version), version.signature or {}), ensure_ascii=False)
    # A long row would hide the command; the signature beside it says what belongs there.
    body = '{"instances": [' + (row if len(row) <= _LONGEST_ROW else "[…]") + "]}"
    quoted = body.replace("'", "'\\''")
    return (
        f"curl -X POST {origin}/api/v1/predict/{reference} \\\n"
        '  -H "X-API-Key: $API_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{quoted}'"
    )


def _shortened(row: Any, signature: dict[str, Any]) -> Any:
    """A row with many named cells as a list in the signature's order, which says the same in less space."""
    names = [entry.get("name") for entry in signature.get("inputs", [])]
    is_long = isinstance(row, dict) and len(row) > _MOST_NAMED
    return [row[name] for name in names] if is_long and set(row) == set(names) else row


def example_row(version: ModelVersion) -> Any:
    """A row the version accepts: of its sample, of its golden answers, or made up from the signature."""
    for rows in (version.sample, (version.golden or {}).get("instances")):
        if isinstance(rows, list) and rows:
            return rows[0]
    signature = version.signature or {}
    inputs = signature.get("inputs", [])
    if signature.get("handler") == "text":
        return "a text"
    cells = [_example_cell(entry) for entry in inputs]
    if signature.get("handler") == "tensor" and len(cells) == 1:
        return cells[0]
    names = [str(entry.get("name", "")) for entry in inputs]
    has_real_names = not any(name.startswith("feature_") for name in names)
    return dict(zip(names, cells, strict=True)) if has_real_names and len(names) <= _MOST_NAMED else cells


def _example_cell(entry: dict[str, Any]) -> Any:
    cell = _EXAMPLES.get(entry.get("dtype", ""), 0.5)
    sizes = [1 if size == -1 else size for size in entry.get("shape", [])[1:]]
    if math.prod(sizes) > _LONGEST_ROW:
        return "…"
    for size in reversed(sizes):
        cell = [cell] * size
    return cell
