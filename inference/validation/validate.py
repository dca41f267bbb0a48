"""The two sandbox runs behind one call: convert (code-carrying files only), then probe (always)."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from inference.errors import ValidationFailed
from inference.signature import Signature, SignatureInvalid
from inference.validation import expectations, sandbox
from inference.validation.limits import Limits, plain_text
from inference.validation.outputs import Answers

Progress = Callable[[str, float], None]
CODE_CARRYING = frozenset({"sklearn"})
FORMATS = CODE_CARRYING | {"onnx"}
COMPILED, NATIVE = "onnx", "sklearn"


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """What is known about a version that may be served.

    compiled: the ONNX bytes to serve, None when the artifact itself is served.
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


def sandbox_layers() -> dict[str, bool]:
    """{"landlock": ..., "seccomp": ...}: code-carrying formats are refused unless both hold."""
    return sandbox.layers()


def validate(
    *,
    artifact: Path,
    format: str,
    task: str | None = None,
    handler: str | None = None,
    sample: list[Any] | None = None,
    expected: list[Any] | None = None,
    trusted: bool = False,
    limits: Limits | None = None,
    progress: Progress = lambda stage, fraction: None,
) -> ValidationResult:
    """Opens `artifact` in the sandbox, proves it and measures it.

    trusted: any importable global may be opened, and a model that cannot be compiled with parity is
    served natively. Raises ValidationFailed with one of FAILURE_CODES.
    """
    if format not in FORMATS:
        raise ValidationFailed(
            "unknown_format", f"{format!r} is not a format that can be validated.", field="file"
        )
    if artifact.stat().st_size == 0:
        raise ValidationFailed("empty", "The file is empty (0 bytes).", field="file")
    expectations.require_rows(sample, expected)
    asked = {"task": task, "handler": handler, "sample": sample, "trusted": trusted}
    run = _Run(asked, limits or Limits(), progress)
    with artifact.open("rb") as stream:
        if format in CODE_CARRYING:
            return run.code_carrying(stream, expected)
        return run.data_format(stream, expected)


@dataclass(frozen=True, slots=True)
class _Run:
    """One validation: what was asked, and the two sandbox runs it takes."""

    asked: dict[str, Any]
    limits: Limits
    progress: Progress

    def code_carrying(self, stream: IO[bytes], expected: list[Any] | None) -> ValidationResult:
        missing = [name for name, holds in sandbox_layers().items() if not holds]
        if missing:
            raise ValidationFailed(
                "sandbox_unavailable",
                f"This machine's kernel offers no {' and no '.join(missing)}, so pickled models are not opened here."
                " Upload the model as ONNX.",
                field="file",
            )
        reply = self._run("convert", stream, self.asked, 0.0)
        told = _told(reply.header)
        expectations.compare(told.answers, told.native, expected)
        if reply.blobs and told.compiled is not None:
            try:
                return self._compiled(reply, told)
            except ValidationFailed as error:
                if not self.asked["trusted"]:
                    raise
                return _native(reply, told, f"{error.code}: {error.message}")
        failure = _not_compiled(reply.header.get("candidates"))
        if not self.asked["trusted"]:
            raise failure
        return _native(reply, told, f"{failure.code}: {failure.message}")

    def _compiled(self, reply: sandbox.Reply, told: "_Told") -> ValidationResult:
        """The compiled bytes are a stranger's file: a second, fresh sandbox looks at them."""
        assert told.compiled is not None
        question = {
            **self.asked,
            "signature": told.compiled.to_dict(),
            "rows": reply.header["rows"],
            "gaps_from": reply.header["gaps_from"],
            "reference": told.answers.to_dict(),
        }
        with _nameless(reply.blobs[0]) as compiled:
            probed = self._run("probe", compiled, question, 0.6)
        return _result(COMPILED, reply.blobs[0], probed.header, _report(reply, probed), reply.header)

    def data_format(self, stream: IO[bytes], expected: list[Any] | None) -> ValidationResult:
        question = {**self.asked, "signature": None, "rows": None, "gaps_from": None, "reference": None}
        probed = self._run("probe", stream, question, 0.0, require_layers=False)
        signature = _signature(probed.header.get("signature"))
        assert signature is not None
        expectations.compare(_answers(probed.header.get("answers")), signature, expected)
        served = probed.blobs[0] if probed.blobs else None
        return _result(COMPILED, served, probed.header, _report(None, probed), {})

    def _run(
        self, task: str, stream: IO[bytes], request: dict[str, Any], start: float, require_layers: bool = True
    ) -> sandbox.Reply:
        def report(stage: str, fraction: float) -> None:
            self.progress(stage, start + fraction * (1.0 - start if start else 0.6))

        return sandbox.run(
            task=task,
            artifact=stream.fileno(),
            request=request,
            limits=self.limits,
            progress=report,
            require_layers=require_layers,
        )


@dataclass(frozen=True, slots=True)
class _Told:
    """The converter's words, judged: the form holds, the content is still the artifact's own claim."""

    native: Signature
    compiled: Signature | None
    answers: Answers


def _told(header: dict[str, Any]) -> _Told:
    native = _signature(header.get("native_signature"))
    rows = header.get("rows")
    if native is None or not isinstance(rows, list) or type(header.get("gaps_from")) is not int:
        raise _disturbed()
    return _Told(native, _signature(header.get("signature")), _answers(header.get("reference")))


def _signature(data: Any) -> Signature | None:
    if data is None:
        return None
    try:
        return Signature.from_dict(data)
    except SignatureInvalid:
        raise _disturbed() from None


def _answers(data: Any) -> Answers:
    if not isinstance(data, dict) or not isinstance(data.get("predictions"), list):
        raise _disturbed()
    return Answers(data["predictions"], data.get("probabilities"), data.get("margins"))


def _disturbed() -> ValidationFailed:
    return ValidationFailed("crashed", "The model disturbed the process that checks it.", field="file")


def _not_compiled(candidates: Any) -> ValidationFailed:
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


def _native(reply: sandbox.Reply, told: _Told, why: str) -> ValidationResult:
    header = reply.header
    kept = told.answers.pick(list(range(min(8, len(told.answers.predictions)))))
    golden = {
        "instances": header["rows"][:8],
        "predictions": kept.predictions,
        "probabilities": kept.probabilities,
    }
    parity = {"passed": True, "rows": len(header["rows"]), "reason": "the original itself is served"}
    measured = {
        "signature": told.native.to_dict(),
        "parity": parity,
        "golden": golden,
        "load_ms": header.get("load_ms"),
        "memory_bytes": header.get("memory_bytes"),
    }
    report = {**_report(reply, None), "native_because": why}
    return _result(NATIVE, None, measured, report, header)


def _result(
    runtime: str,
    compiled: bytes | None,
    header: dict[str, Any],
    report: dict[str, Any],
    converted: dict[str, Any],
) -> ValidationResult:
    signature = _signature(header.get("signature"))
    if signature is None:
        raise _disturbed()
    versions = {**_versions(converted.get("library_versions")), **_versions(header.get("library_versions"))}
    return ValidationResult(
        signature=signature.to_dict(),
        task=signature.task,
        handler=signature.handler,
        runtime=runtime,
        compiled=compiled,
        parity=_object(header.get("parity")),
        golden=_object(header.get("golden")),
        load_ms=_number(header.get("load_ms")),
        memory_bytes=int(_number(header.get("memory_bytes"))),
        report=report,
        library_versions=versions,
    )


def _report(converted: sandbox.Reply | None, probed: sandbox.Reply | None) -> dict[str, Any]:
    report: dict[str, Any] = {"layers": list((converted or probed).layers) if converted or probed else []}
    if converted is not None:
        told = converted.header
        candidates = told.get("candidates")
        report["estimator"] = plain_text(told.get("estimator"), 300)
        report["candidates"] = candidates if isinstance(candidates, list) else []
        report["saved_with"] = plain_text(told.get("saved_with"), 40) or None
        report["sample_rows"] = int(_number(told.get("sample_rows")))
        report["native"] = {
            "load_ms": _number(told.get("load_ms")),
            "memory_bytes": int(_number(told.get("memory_bytes"))),
        }
    return report


def _versions(data: Any) -> dict[str, str]:
    if not isinstance(data, dict):
        return {}
    return {plain_text(name, 40): plain_text(version, 40) for name, version in data.items()}


def _object(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and 0 <= value < 1e18 else 0.0


def _nameless(content: bytes) -> IO[bytes]:
    """A file without a name, for bytes that must reach the sandbox as a descriptor."""
    stream = os.fdopen(os.memfd_create("artifact"), "w+b")
    stream.write(content)
    stream.flush()
    return stream
