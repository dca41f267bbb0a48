"""In the sandbox: open a PyTorch program, derive its signature, compile it, keep the first that proves equal."""

import ctypes.util
import os
import platform
import sysconfig
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, BinaryIO

from inference.errors import ModelExecutionFailed, RuntimeUnavailable, ValidationFailed
from inference.runtimes import pytorch
from inference.validation import outputs, parity, policy, reference, values
from inference.validation.outputs import Answers, has_gaps
from inference.validation.reference import Reference
from inference.validation.samples import graphs
from inference.validation.tasks.searching import Search

if TYPE_CHECKING:
    from inference.validation.pytorch import opening

Progress = Callable[[str, float], None]
ROWS, SINGLE_ROWS, TRACED_ROWS = 48, 3, 2


def _without_a_compiler() -> None:
    """PyTorch looks for compilers and scratch directories when it is imported; here are none, and it needs none."""
    somewhere = sysconfig.get_path("stdlib")
    tempfile.tempdir = somewhere
    os.environ |= {"TORCHINDUCTOR_CACHE_DIR": somewhere, "TRITON_CACHE_DIR": somewhere}
    ctypes.util.find_library = lambda name: None  # it would run gcc


_without_a_compiler()
try:
    torch = pytorch.import_torch()
except RuntimeUnavailable as error:
    raise ValidationFailed("missing_library", str(error), field="file") from error


def convert(stream: BinaryIO, request: Any, progress: Progress, memory: Any) -> tuple[dict[str, Any], list[bytes]]:
    """Header and blobs of the result, as `tasks.convert.convert` gives them.

    request.header: format, trusted, task, handler, sample, memory_bytes. Raises ValidationFailed.
    """
    from inference.validation.pytorch import opening, schema

    asked = request.header
    progress("opening", 0.05)
    content = stream.read()
    before, started = memory.resident_bytes(), time.perf_counter()
    opened = opening.open_file(content, asked["format"])
    load_ms = (time.perf_counter() - started) * 1000

    progress("asking the original", 0.15)
    signature = schema.derive(opened, schema.Asked(asked["task"], asked["handler"], asked["sample"]))
    original = _reference(opened, signature, asked["sample"])
    resident = max(memory.resident_bytes() - before, 0)

    progress("compiling", 0.3)
    search = _compile(opened, original, asked["trusted"], progress)
    if search.best is None:
        _require_steady(opened, original)
    header = {
        "native_signature": original.signature.to_dict(),
        "signature": None if search.best is None else original.signature.to_dict(),
        "rows": original.rows,
        "sample_rows": original.sample_rows,
        "gaps_from": original.gaps_from,
        "reference": original.answers.to_dict(),
        "candidates": search.tried,
        "estimator": opened.description,
        "saved_with": None,
        "trained_with": opened.trained_with,
        "load_ms": load_ms,
        "memory_bytes": resident,
        "library_versions": library_versions(),
    }
    return header, [] if search.best is None else [search.best]


def library_versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "torch": str(torch.__version__)}
    for package in ("numpy", "onnx", "onnxruntime", "onnxscript"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _reference(opened: "opening.Opened", signature: Any, sample: list[Any] | None) -> Reference:
    """The original's answers on the sample and on made-up rows; those it cannot answer are left out."""
    model = pytorch.TorchModel(torch, opened.call, signature)
    given = reference.sample_rows(signature, sample)
    rows = [*given, *graphs.generate(signature, count=ROWS, reach=(1.0,))]
    try:
        answers = outputs.answer(model, signature, rows)
    except ModelExecutionFailed:
        if not given:
            raise
        rows = given
        answers = outputs.answer(model, signature, rows)
    if given and any(has_gaps(said) for said in answers.predictions[: len(given)]):
        raise values.mismatch("it answers NaN to the sample", None)
    whole = [at for at, said in enumerate(answers.predictions) if not has_gaps(said)]
    if not whole:
        raise values.mismatch("it answers NaN to every input that was tried", None)
    rows, answers = [rows[at] for at in whole], answers.pick(whole)
    signature, answers = values.settle(signature, answers)
    return Reference(signature, rows, answers, len(given), len(rows))


def _compile(opened: "opening.Opened", original: Reference, trusted: bool, progress: Progress) -> Search[bytes]:
    from inference import handlers
    from inference.handlers.base import Payload
    from inference.runtimes.onnx import OnnxRuntime
    from inference.validation.pytorch import compiling

    search: Search[bytes] = Search()
    signature = original.signature
    rows = original.rows[: 1 if signature.feeds[0].shape[0] == 1 else TRACED_ROWS]
    feeds = handlers.get(signature.handler).preprocess(Payload("instances", rows), signature)
    arrays = [feeds[feed.name] for feed in signature.feeds]
    names = list(pytorch.run(torch, opened.call, arrays))
    for number, candidate in enumerate(compiling.candidates(opened, signature, arrays, names)):
        progress(f"compiling ({candidate.name})", min(0.3 + 0.25 * number, 0.9))
        try:
            content = candidate.compile()
            policy.check(policy.parse(content), allow_loops=trusted)
        except Exception as error:
            search.note(candidate.name, "not compiled", error=search.words(error))
            continue
        try:
            got = outputs.answer(OnnxRuntime().load(content, signature), signature, original.rows)
            proof = parity.compare(original.answers, got, signature.task, is_single=True)
        except Exception as error:
            search.note(candidate.name, "not loaded", error=search.words(error))
            continue
        if not proof.passed:
            search.note(candidate.name, "different", parity=proof.to_dict())
            continue
        search.note(candidate.name, "equal", parity=proof.to_dict())
        search.keep(content, proof)
        if not proof.ties:
            break  # both round to single precision: none would be closer but by chance
    return search


def _require_steady(opened: "opening.Opened", original: Reference) -> None:
    """A row alone must be answered as in company; what is compiled is asked the same by the second sandbox."""
    model, task = pytorch.TorchModel(torch, opened.call, original.signature), original.signature.task
    for at in range(min(SINGLE_ROWS, len(original.rows))):
        try:
            alone: Answers | None = outputs.answer(model, original.signature, [original.rows[at]])
        except ModelExecutionFailed:
            alone = None
        if alone is None or not parity.compare(original.answers.pick([at]), alone, task, is_single=True).passed:
            raise values.mismatch("it answers a row differently when it is sent alone: its rows depend on others", None)
