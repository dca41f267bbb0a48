"""In the sandbox: judge ONNX bytes by policy, or another compiled form by its reader; load, run, compare, measure."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import onnx
import onnxruntime

from inference import runtimes
from inference.errors import ModelExecutionFailed, ValidationFailed
from inference.runtimes.base import LoadedModel
from inference.signature import Signature
from inference.validation import onnx_schema, outputs, parity, policy, reference, values
from inference.validation.limits import golden_count
from inference.validation.outputs import Answers
from inference.validation.samples import graphs

Progress = Callable[[str, float], None]
SINGLE_ROWS = 3
OUT_OF_MEMORY = ("bad allocation", "bad_alloc", "Failed to allocate", "MemoryError")


def probe(stream: BinaryIO, request: Any, progress: Progress, memory: Any) -> tuple[dict[str, Any], list[bytes]]:
    """Header and blobs of the result; blob 0 is the model to serve when it had to be rewritten.

    request.header: runtime, signature (None for an uploaded ONNX), rows, reference, gaps_from, sample, task,
    handler, trusted. Raises ValidationFailed.
    """
    asked = request.header
    progress("checking the file", 0.1)
    content = stream.read()
    judged = _judge_graph(content, asked) if asked["runtime"] == "onnx" else _judge_form(content, asked)

    progress("loading", 0.3)
    before, started = memory.resident_bytes(), time.perf_counter()
    model = _load(asked["runtime"], judged)
    load_ms = (time.perf_counter() - started) * 1000

    progress("running", 0.5)
    header = _prove(model, judged.signature, asked)
    header |= {
        "load_ms": load_ms,
        "memory_bytes": max(memory.resident_bytes() - before, 0),
        "library_versions": {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__},
    }
    return header, [] if judged.served is content else [judged.served]


@dataclass(frozen=True, slots=True)
class Judged:
    """What may be loaded. graph: None for a form that is no graph."""

    served: bytes
    signature: Signature
    graph: onnx.ModelProto | None


def _judge_graph(content: bytes, asked: dict[str, Any]) -> Judged:
    graph = policy.parse(content)
    policy.check(graph, allow_loops=asked["trusted"] or asked["format"] not in ("onnx", *parity.SINGLE_PRECISION))
    if asked["signature"] is not None:
        return Judged(content, Signature.from_dict(asked["signature"]), graph)
    rewritten = onnx_schema.without_zipmap(graph)
    signature = onnx_schema.derive(
        graph,
        task=asked["task"],
        handler=asked["handler"],
        sample=asked["sample"],
        classes=None if rewritten is None else rewritten.classes,
    )
    return Judged(content if rewritten is None else rewritten.content, signature, graph)


def _judge_form(content: bytes, asked: dict[str, Any]) -> Judged:
    """The form's own reader judges it when it is loaded."""
    return Judged(content, Signature.from_dict(asked["signature"]), None)


def _load(runtime: str, judged: Judged) -> LoadedModel:
    try:
        return runtimes.get(runtime).load(judged.served, judged.signature)
    except ModelExecutionFailed as error:
        raise _refused(error, "onnx_invalid" if judged.graph is not None else "not_compilable") from error


def _prove(model: LoadedModel, signature: Signature, asked: dict[str, Any]) -> dict[str, Any]:
    if asked["rows"] is not None:
        rows = asked["rows"]
        wanted = Answers.from_dict(asked["reference"])
        if not signature.allows_missing:
            rows = rows[: asked["gaps_from"]]
            wanted = wanted.pick(list(range(len(rows))))
        got = _answer(model, signature, rows)
        proof = parity.compare(wanted, got, signature.task, is_single=asked["format"] in parity.SINGLE_PRECISION)
        if not proof.passed:
            raise ValidationFailed("parity_failed", f"The compiled model: {proof.reason}.", field="file")
        header: dict[str, Any] = {"parity": proof.to_dict()}
    else:
        given = reference.sample_rows(signature, asked["sample"])
        rows = [*given, *graphs.generate(signature)]
        got, signature = _run_unknown(model, signature, rows, len(given))
        header = {"parity": {"passed": None, "rows": len(rows), "reason": "nothing to compare with"}}
    _require_steady(model, signature, rows, got, asked["format"] in parity.SINGLE_PRECISION)
    header["signature"] = signature.to_dict()
    header["answers"] = got.to_dict()
    header["golden"] = outputs.golden(rows, got, golden_count(len(asked["sample"] or [])))
    return header


def _run_unknown(model: LoadedModel, signature: Signature, rows: list[Any], given: int) -> tuple[Answers, Signature]:
    got = _answer(model, signature, rows)
    if given and any(outputs.has_gaps(said) for said in got.predictions[:given]):
        raise ValidationFailed("schema_mismatch", "The model answers NaN to the sample.", field="file")
    if all(outputs.has_gaps(said) for said in got.predictions):
        raise ValidationFailed("schema_mismatch", "The model answers NaN to every input.", field="file")
    settled, kept = values.settle(signature, got)
    return kept, settled


def _require_steady(model: LoadedModel, signature: Signature, rows: list[Any], got: Answers, is_single: bool) -> None:
    """A row alone must be answered as in company."""
    for at in range(min(SINGLE_ROWS, len(rows))):
        alone = _answer(model, signature, [rows[at]])
        proof = parity.compare(got.pick([at]), alone, signature.task, is_single=is_single)
        gaps = outputs.has_gaps(got.predictions[at])
        if not proof.passed and not gaps:
            raise ValidationFailed(
                "schema_mismatch",
                "The model answers a row differently when it is sent alone: its rows are not independent.",
                field="file",
            )


def _answer(model: LoadedModel, signature: Signature, rows: list[Any]) -> Answers:
    try:
        return outputs.answer(model, signature, rows)
    except ModelExecutionFailed as error:
        raise _refused(error, "schema_mismatch") from error
    except (ValueError, IndexError, TypeError, np.exceptions.AxisError) as error:
        raise ValidationFailed(
            "schema_mismatch", f"The model's outputs do not have the declared form: {error}", field="file"
        ) from error


def _refused(error: ModelExecutionFailed, otherwise: str) -> ValidationFailed:
    text = str(error)
    if any(sign in text for sign in OUT_OF_MEMORY):
        return ValidationFailed("memory_limit", "The model needs more memory than validation allows.", field="file")
    if "not implemented" in text.lower() or "is not a registered function" in text:
        return ValidationFailed("unsupported_op", text[:1500], field="file")
    return ValidationFailed(otherwise, text[:1500], field="file")
