"""The two sandbox runs behind one call: convert (code-carrying files only), then probe (always)."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from inference.errors import ValidationFailed
from inference.validation import expectations, results, sandbox
from inference.validation.limits import Limits
from inference.validation.results import ONNX, Told, ValidationResult

__all__ = ["Progress", "ValidationResult", "sandbox_layers", "validate"]

Progress = Callable[[str, float], None]
# Opened by a library that might be made to do more than read; both layers of the sandbox must hold.
# format -> the sandbox's task that opens and compiles it.
CONVERTERS = {
    "lightgbm": "convert",
    "skops": "convert",
    "sklearn": "convert",
    "torch_export": "convert_torch",
    "torchscript": "convert_torch",
    "xgboost": "convert",
}
FORMATS = CONVERTERS.keys() | {"onnx"}


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
        raise ValidationFailed("unknown_format", f"{format!r} is not a format that can be validated.", field="file")
    if artifact.stat().st_size == 0:
        raise ValidationFailed("empty", "The file is empty (0 bytes).", field="file")
    expectations.require_rows(sample, expected)
    asked = {"format": format, "task": task, "handler": handler, "sample": sample, "trusted": trusted}
    run = _Run(asked, limits or Limits(), progress)
    with artifact.open("rb") as stream:
        if format in CONVERTERS:
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
                f"This machine's kernel offers no {' and no '.join(missing)}, so only ONNX models are opened here."
                " Upload the model as ONNX.",
                field="file",
            )
        reply = self._run(CONVERTERS[self.asked["format"]], stream, self.asked, 0.0)
        told = results.told_by(reply)
        try:
            expectations.compare(told.answers, told.native, expected)
            if told.content is not None and told.compiled is not None:
                return results.with_explanation(self._compiled(reply, told), reply)
            raise results.not_compiled(reply.header.get("candidates"))
        except ValidationFailed as failure:
            if self.asked["trusted"] and failure.code != "expected_mismatch":
                why = f"{failure.code}: {failure.message}"
                native = results.native_result(reply, told, self.asked["format"], why)
                return results.with_explanation(native, reply)
            failure.report = results.report_on_failure(reply)
            raise

    def _compiled(self, reply: sandbox.Reply, told: Told) -> ValidationResult:
        """The compiled bytes are a stranger's file: a second, fresh sandbox looks at them."""
        assert told.compiled is not None
        assert told.content is not None
        question = {
            **self.asked,
            "runtime": told.runtime,
            "signature": told.compiled.to_dict(),
            "rows": reply.header["rows"],
            "gaps_from": reply.header["gaps_from"],
            "reference": told.answers.to_dict(),
        }
        with _nameless(told.content) as compiled:
            probed = self._run("probe", compiled, question, 0.6)
        return results.result_from(
            told.runtime, told.content, probed.header, results.report_on(reply, probed), reply.header
        )

    def data_format(self, stream: IO[bytes], expected: list[Any] | None) -> ValidationResult:
        question = {
            **self.asked,
            "runtime": ONNX,
            "signature": None,
            "rows": None,
            "gaps_from": None,
            "reference": None,
        }
        probed = self._run("probe", stream, question, 0.0, require_layers=False)
        signature = results.signature_from(probed.header.get("signature"))
        assert signature is not None
        expectations.compare(results.answers_from(probed.header.get("answers")), signature, expected)
        served = probed.blobs[0] if probed.blobs else None
        return results.result_from(ONNX, served, probed.header, results.report_on(None, probed), {})

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


def _nameless(content: bytes) -> IO[bytes]:
    """A file without a name, for bytes that must reach the sandbox as a descriptor."""
    stream = os.fdopen(os.memfd_create("artifact"), "w+b")
    stream.write(content)
    stream.flush()
    return stream
