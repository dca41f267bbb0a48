"""What comes back from the sandbox, judged: its form is checked, its size bounded, its words made plain."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from inference.errors import ValidationFailed
from inference.explaining import files, words
from inference.explaining.plan import UNITS, NotAPlan
from inference.explaining.told import REASONS
from inference.signature import Signature, SignatureInvalid
from inference.validation import outputs, sandbox, versions
from inference.validation.limits import golden_count, plain_text
from inference.validation.outputs import Answers

ONNX, LINEAR_TEXT = "onnx", "linear_text"
COMPILED = frozenset({ONNX, LINEAR_TEXT})
STORED_BYTES = 16 << 20
NOT_TAKEN_APART = "Only scikit-learn, XGBoost and LightGBM files say what their answers are made of."
PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """What is known about a version that may be served.

    compiled: the bytes to serve, None when the artifact itself is served. explainer: the plan of its explanations.
    explanation: {"method", "unit", "baseline"}, or {"code", "message"} of why answers come without one.
    parity: the comparison with the original. golden: {"instances", "predictions", "probabilities"}.
    """

    signature: dict[str, Any]
    task: str
    handler: str
    runtime: str
    compiled: bytes | None
    parity: dict[str, Any]
    golden: dict[str, Any]
    load_ms: float
    memory_bytes: int
    report: dict[str, Any] = field(default_factory=dict)
    library_versions: dict[str, str] = field(default_factory=dict)
    explainer: bytes | None = None
    explanation: dict[str, str] = field(default_factory=lambda: {"code": "not_covered", "message": NOT_TAKEN_APART})


@dataclass(frozen=True, slots=True)
class Told:
    """The converter's words, judged: the form holds, the content is still the artifact's own claim.

    runtime: the one that serves what was compiled, which is `content`.
    """

    native: Signature
    compiled: Signature | None
    runtime: str
    answers: Answers
    content: bytes | None


def told_by(reply: sandbox.Reply) -> Told:
    header = reply.header
    native = signature_from(header.get("native_signature"))
    rows = header.get("rows")
    if native is None or not isinstance(rows, list) or type(header.get("gaps_from")) is not int:
        raise disturbed()
    runtime = header.get("runtime") or ONNX
    if runtime not in COMPILED:
        raise disturbed()
    compiled = reply.blobs[: len(reply.blobs) - (header.get("has_explainer") is True)]
    return Told(
        native,
        signature_from(header.get("signature")),
        runtime,
        answers_from(header.get("reference")),
        compiled[0] if compiled else None,
    )


def signature_from(data: Any) -> Signature | None:
    if data is None:
        return None
    try:
        return Signature.from_dict(data)
    except SignatureInvalid:
        raise disturbed() from None


def answers_from(data: Any) -> Answers:
    if not isinstance(data, dict) or not isinstance(data.get("predictions"), list):
        raise disturbed()
    return Answers(data["predictions"], data.get("probabilities"), data.get("margins"))


def disturbed() -> ValidationFailed:
    return ValidationFailed("crashed", "The model disturbed the process that checks it.", field="file")


def not_compiled(candidates: Any) -> ValidationFailed:
    """The reason no candidate was good enough, with the compiler's own words."""
    tried = [entry for entry in candidates or () if isinstance(entry, dict)]
    different = [entry for entry in tried if entry.get("outcome") == "different"]
    advice = (
        "A person with the right to mark versions as trusted may have it served natively, or export it to ONNX"
        " yourself and upload that."
    )
    if different:
        proof = different[-1].get("parity")
        proof = proof if isinstance(proof, dict) else {}
        reason = plain_text(proof.get("reason"), 200)
        return ValidationFailed(
            "parity_failed",
            f"The compiled model does not answer as the original does: {reason} (row {proof.get('row')} of the proof,"
            f" see the report). {advice}",
            field="file",
        )
    words = plain_text(tried[0].get("error") if tried else "", 1500)
    return ValidationFailed(
        "not_compilable", f"The compiler cannot translate this model: {words}. {advice}", field="file"
    )


def native_result(reply: sandbox.Reply, told: Told, runtime: str, why: str) -> ValidationResult:
    """runtime: that of the artifact's own format."""
    header = reply.header
    golden = outputs.golden(header["rows"], told.answers, golden_count(int(_number(header.get("sample_rows")))))
    parity = {"passed": True, "rows": len(header["rows"]), "reason": "the original itself is served"}
    measured = {
        "signature": told.native.to_dict(),
        "parity": parity,
        "golden": golden,
        "load_ms": header.get("load_ms"),
        "memory_bytes": header.get("memory_bytes"),
    }
    report = {**report_on(reply, None), "native_because": why}
    return result_from(runtime, None, measured, report, header)


def result_from(
    runtime: str,
    compiled: bytes | None,
    header: dict[str, Any],
    report: dict[str, Any],
    converted: dict[str, Any],
) -> ValidationResult:
    signature = signature_from(header.get("signature"))
    if signature is None:
        raise disturbed()
    installed = {**_versions(converted.get("library_versions")), **_versions(header.get("library_versions"))}
    result = ValidationResult(
        signature=signature.to_dict(),
        task=signature.task,
        handler=signature.handler,
        runtime=runtime,
        compiled=compiled,
        parity=_object(header.get("parity")),
        golden=_golden(header.get("golden")),
        load_ms=_number(header.get("load_ms")),
        memory_bytes=int(_number(header.get("memory_bytes"))),
        report=report,
        library_versions=installed,
    )
    _require_storable([result.signature, result.parity, result.golden, result.report, installed])
    return result


def with_explanation(result: ValidationResult, reply: sandbox.Reply) -> ValidationResult:
    """The result with the plan of its explanations, which is read here once, so that none is kept that can't be used;
    or with the converter's words on why there is none."""
    told = _object(reply.header.get("explanation"))
    if reply.header.get("has_explainer") is True and reply.blobs:
        try:
            plan = files.read(reply.blobs[-1])
        except NotAPlan:
            raise disturbed() from None
        facts = {"method": plan.method, "unit": plan.unit, "baseline": plan.baseline}
        return replace(result, explainer=reply.blobs[-1], explanation=facts)
    if result.runtime == LINEAR_TEXT and told.get("method") == LINEAR_TEXT and told.get("unit") in UNITS:
        facts = {"method": LINEAR_TEXT, "unit": told["unit"], "baseline": words.BASELINE}
        return replace(result, explanation=facts)
    code = told["code"] if told.get("code") in REASONS else "not_covered"
    return replace(result, explanation={"code": code, "message": plain_text(told.get("message"), 500)})


def _golden(data: Any) -> dict[str, Any]:
    """Inputs with their answers, one each, in plain values."""
    golden = _object(data)
    rows, said, scores = (golden.get(name) for name in ("instances", "predictions", "probabilities"))
    if not isinstance(rows, list) or not isinstance(said, list) or len(rows) != len(said):
        raise disturbed()
    if not all(_is_plain(value, depth=1) for value in said):
        raise disturbed()
    if scores is not None and not (isinstance(scores, list) and len(scores) == len(rows) and _is_plain(scores, 2)):
        raise disturbed()
    return {"instances": rows, "predictions": said, "probabilities": scores}


def _is_plain(value: Any, depth: int) -> bool:
    """A JSON value that is no object, lists at most `depth` deep."""
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(part, depth - 1) for part in value)
    return isinstance(value, PLAIN)


def _require_storable(parts: list[Any]) -> None:
    """What goes into the database is finite, of bounded size, and text that every database takes."""
    try:
        text = json.dumps(parts, allow_nan=False)
        json.dumps(parts, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise disturbed() from None
    if "\\u0000" in text:
        raise ValidationFailed(
            "schema_mismatch", "The model's names or labels hold NUL characters, which are not served.", field="file"
        )
    if len(text) > STORED_BYTES:
        raise ValidationFailed(
            "output_too_large", "The model's signature and proof are larger than the platform keeps.", field="file"
        )


def report_on(converted: sandbox.Reply | None, probed: sandbox.Reply | None) -> dict[str, Any]:
    """What the uploader may read about how the version was judged."""
    heard = converted or probed
    report: dict[str, Any] = {"layers": [] if heard is None else list(heard.layers)}
    if converted is not None:
        told = converted.header
        candidates = told.get("candidates")
        report["estimator"] = plain_text(told.get("estimator"), 300)
        report["candidates"] = candidates if isinstance(candidates, list) else []
        report["saved_with"] = plain_text(told.get("saved_with"), 40) or None
        report["trained_with"] = _versions(told.get("trained_with"))
        report["warnings"] = versions.differences(report["trained_with"], _versions(told.get("library_versions")))
        report["sample_rows"] = int(_number(told.get("sample_rows")))
        report["native"] = {
            "load_ms": _number(told.get("load_ms")),
            "memory_bytes": int(_number(told.get("memory_bytes"))),
        }
    return report


def report_on_failure(converted: sandbox.Reply) -> dict[str, Any] | None:
    """The report of a version that failed; None when it could not be stored."""
    report = report_on(converted, None)
    try:
        _require_storable([report])
    except ValidationFailed:
        return None
    return report


def _versions(data: Any) -> dict[str, str]:
    if not isinstance(data, dict):
        return {}
    return {plain_text(name, 40): plain_text(version, 40) for name, version in data.items()}


def _object(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and 0 <= value < 1e18 else 0.0
