"""In the sandbox: open a pickled model, derive its signature, compile it, keep the first that proves equal."""

import platform
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, BinaryIO

import joblib
import numpy as np
import onnxruntime
import sklearn

from inference import runtimes
from inference.runtimes import estimators
from inference.runtimes.boosted import Boosted
from inference.validation import boosted, opening, outputs, parity, reference, structure
from inference.validation.reference import Reference
from inference.validation.tasks.searching import Search

if TYPE_CHECKING:
    from inference.validation import compiling

Progress = Callable[[str, float], None]
OTHER_LIBRARIES = ("lightgbm", "skops", "xgboost")
LONG_COMPILATION_SECONDS = 30.0


def convert(stream: BinaryIO, request: Any, progress: Progress, memory: Any) -> tuple[dict[str, Any], list[bytes]]:
    """Header and blobs of the result; blob 0 is the compiled model, absent when there is none.

    request.header: format, trusted, task, handler, sample, memory_bytes. Raises ValidationFailed.
    """
    asked = request.header
    progress("opening", 0.05)
    before, started = memory.resident_bytes(), time.perf_counter()
    opened = opening.open_model(
        stream, format=asked["format"], trusted=asked["trusted"], max_array_bytes=asked["memory_bytes"]
    )
    load_ms = (time.perf_counter() - started) * 1000
    structure.require_predictor(opened.model)
    estimators.single_threaded(opened.model)

    progress("asking the original", 0.15)
    original = reference.build(opened.model, task=asked["task"], handler=asked["handler"], sample=asked["sample"])
    resident = max(memory.resident_bytes() - before, 0)

    progress("compiling", 0.3)
    search = _compile(opened.model, original, progress)
    progress("preparing explanations", 0.95)
    explanation, plan = _explained(opened.model, original, search.best)
    header = {
        "native_signature": original.signature.to_dict(),
        "signature": None if search.best is None else search.best.signature.to_dict(),
        "runtime": None if search.best is None else search.best.runtime,
        "rows": original.rows,
        "sample_rows": original.sample_rows,
        "gaps_from": original.gaps_from,
        "reference": original.answers.to_dict(),
        "candidates": search.tried,
        "estimator": _describe(opened.model),
        "saved_with": opened.saved_with,
        "trained_with": _made_with(opened, asked["format"]),
        "load_ms": load_ms,
        "memory_bytes": resident,
        "library_versions": library_versions(),
        "explanation": explanation,
        "has_explainer": plan is not None,
    }
    compiled = None if search.best is None else search.best.content
    return header, [blob for blob in (compiled, plan) if blob is not None]


def _explained(
    model: Any, original: Reference, compiled: "compiling.Compiled | None"
) -> tuple[dict[str, Any], bytes | None]:
    """What is told of its explanations, and the plan of those that need one."""
    from inference.validation import explaining

    if compiled is not None and compiled.runtime == "linear_text":
        return explaining.of_linear_text(compiled.content), None
    return explaining.plan_for(model, original, original.signature if compiled is None else compiled.signature)


def _made_with(opened: opening.Opened, format: str) -> dict[str, str]:
    """What the file says; a pickle that names no other scikit-learn was written by this one."""
    named = opened.saved_with or (sklearn.__version__ if format == "sklearn" else None)
    return {"scikit-learn": named} if named else {}


def library_versions() -> dict[str, str]:
    others = {name: found.__version__ for name in OTHER_LIBRARIES if (found := sys.modules.get(name)) is not None}
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "joblib": joblib.__version__,
        "skl2onnx": version("skl2onnx"),
        "onnxruntime": onnxruntime.__version__,
        **others,
    }


def _compile(model: Any, original: Reference, progress: Progress) -> "Search[compiling.Compiled]":
    from inference.validation import compiling  # heavy, and only for files that got this far

    search: Search[compiling.Compiled] = Search()
    for number, candidate in enumerate(compiling.candidates(model, original.signature)):
        progress(f"compiling ({candidate.name})", min(0.3 + 0.15 * number, 0.9))
        started = time.perf_counter()
        try:
            compiled = compiling.compile_model(model, original.signature, candidate)
        except Exception as error:
            search.note(candidate.name, "not compiled", error=search.words(error))
            continue
        try:
            _prove(compiled, original, candidate, search)
        except Exception as error:
            search.note(candidate.name, "not loaded", error=search.words(error))
            continue
        took_long = time.perf_counter() - started > LONG_COMPILATION_SECONDS
        if search.is_comfortable() or (search.best is not None and took_long):
            break
    return search


def _prove(
    compiled: "compiling.Compiled",
    original: Reference,
    candidate: "compiling.Candidate",
    search: "Search[compiling.Compiled]",
) -> None:
    """Compares with the original on every row, or on the rows without gaps when only those agree."""
    task = original.signature.task
    model = runtimes.get(compiled.runtime).load(compiled.content, compiled.signature)
    got = outputs.answer(model, compiled.signature, original.rows)
    proof = parity.compare(original.answers, got, task)
    whole = original.gaps_from
    if not proof.passed and whole < len(original.rows):
        without = list(range(whole))
        proof = parity.compare(original.answers.pick(without), got.pick(without), task)
        compiled = replace(compiled, signature=replace(compiled.signature, allows_missing=False))
    if proof.passed:
        search.note(candidate.name, "equal", parity=proof.to_dict())
        search.keep(compiled, proof)
    else:
        example = original.rows[proof.row] if proof.row is not None else None
        search.note(candidate.name, "different", parity=proof.to_dict(), example=_shown(example))


def _shown(row: Any) -> Any:
    if isinstance(row, str):
        return row[:200]
    return row[:50] if isinstance(row, list) else row


def _describe(model: Any) -> str:
    if isinstance(model, Boosted):
        try:
            return boosted.read(model).described
        except NotImplementedError:
            return f"{type(model).__name__} {model.objective}"
    steps = [type(step).__name__ for _, step in getattr(model, "steps", ())]
    return " > ".join(steps) or type(model).__name__
