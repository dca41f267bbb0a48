"""Every scikit-learn classifier and regressor: fit, save, validate, serve, compare with the original.

    python -m benchmarks.estimators [--only NAME ...] [--output docs/estimators.md] [--jobs 2] [--url URL --key KEY]

`serve` is the seam: it takes a validated file and returns a function from rows to answers. Here it
loads the runtime in this process; with `--url` the file is uploaded to a running platform and asked over HTTP.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import skl2onnx
import sklearn

from benchmarks.estimator_cases import Case, cases
from benchmarks.estimator_page import write_page
from benchmarks.served_over_http import Platform
from inference import handlers, runtimes
from inference.errors import ValidationFailed
from inference.handlers import Payload
from inference.signature import Signature
from inference.validation import ValidationResult, validate

PROBABILITY, REGRESSION, FLOOR = 1e-4, 1e-4, 1e-6

Answer = Callable[[list[Any]], tuple[list[Any], list[Any] | None]]
Serve = Callable[[Path, bool], "Served"]


@dataclass(frozen=True, slots=True)
class Served:
    """A file that passed validation: how it is served, and the function that answers rows."""

    runtime: str
    answer: Answer
    way: str
    missing_values: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the table. kind: compiled, native, refused, or not fitted."""

    name: str
    task: str
    kind: str
    way: str = ""
    detail: str = ""
    rows: int = 0
    label_mismatches: int | None = None
    max_difference: float | None = None
    agrees: bool = True
    seconds: float = 0.0


def serve(artifact: Path, trusted: bool) -> Served:
    """In this process: validate in the sandbox, load what came out, answer through the handler."""
    result = validate(artifact=artifact, format="sklearn", trusted=trusted)
    signature = Signature.from_dict(result.signature)
    content = result.compiled if result.compiled is not None else artifact.read_bytes()
    model = runtimes.get(result.runtime).load(content, signature)
    handler = handlers.get(signature.handler)

    def answer(rows: list[Any]) -> tuple[list[Any], list[Any] | None]:
        feeds = handler.preprocess(Payload("instances", rows), signature)
        said = handler.postprocess(model.predict(feeds), signature)
        return said.predictions, said.probabilities

    return Served(result.runtime, answer, _way(result), signature.allows_missing)


def over_http(platform: Platform) -> Serve:
    """As a user: upload the file, wait for the verdict, ask the version over HTTP."""

    def serving(artifact: Path, trusted: bool) -> Served:
        name = f"estimator-{artifact.stem.lower()}"
        page = platform.upload(artifact, name=name, trusted=trusted)
        reference = f"{name}:{page['number']}"
        answer = partial(platform.predict, reference)
        return Served(page["runtime"], answer, page["runtime"], page["signature"]["allows_missing"])

    return serving


def run_case(case: Case, folder: Path, serving: Serve = serve) -> Outcome:
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = case.fit()
        except Exception as error:
            return Outcome(case.name, case.task, "not fitted", detail=f"{type(error).__name__}: {error}")
        artifact = folder / f"{case.name}.joblib"
        joblib.dump(model, artifact, compress=1)
    why = ""
    try:
        served = serving(artifact, False)
    except ValidationFailed as refusal:
        why = f"{refusal.code}: {refusal.message}"
        try:
            served = serving(artifact, True)
        except ValidationFailed as error:
            detail = f"{why} Trusted: {error.code}: {error.message}"
            return Outcome(case.name, case.task, "refused", detail=detail)
    kind = "compiled" if served.runtime == "onnx" else "native"
    found = _compare(case, model, served)
    return Outcome(case.name, case.task, kind, served.way, why, seconds=time.monotonic() - started, **found)


def _compare(case: Case, model: Any, served: Served) -> dict[str, Any]:
    """The held-out rows, answered by the original and by the server."""
    rows = case.held_out
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = np.asarray(model.predict(rows))
        scores = _native_probabilities(model, rows)
    predictions, probabilities = served.answer([list(map(float, row)) for row in rows])
    if case.task == "regression":
        found = np.array(predictions, dtype=np.float64)
        difference = _relative(wanted.reshape(len(rows), -1), found.reshape(len(rows), -1))
        return {"rows": len(rows), "max_difference": difference, "agrees": difference <= REGRESSION}
    mismatches = sum(a != b for a, b in zip(wanted.tolist(), predictions, strict=True))
    difference = None
    if scores is not None and probabilities is not None:
        found = np.array(probabilities, dtype=np.float64)
        unknown = np.isnan(scores) & np.isnan(found)
        difference = float(np.where(unknown, 0.0, np.abs(scores - found)).max())
    agrees = mismatches == 0 and (difference is None or difference <= PROBABILITY)
    agrees = agrees and (scores is None or probabilities is not None)
    return {
        "rows": len(rows),
        "label_mismatches": mismatches,
        "max_difference": difference,
        "agrees": agrees,
    }


def _native_probabilities(model: Any, rows: Any) -> Any:
    if not hasattr(model, "predict_proba"):
        return None
    try:
        scores = np.asarray(model.predict_proba(rows))
    except Exception:
        return None
    return scores if scores.ndim == 2 and scores.dtype.kind == "f" else None


def _relative(wanted: Any, found: Any) -> float:
    floor = FLOOR * float(np.nanmedian(np.abs(wanted)))
    with np.errstate(invalid="ignore"):
        difference = np.abs(wanted - found) / (np.abs(wanted) + floor / REGRESSION)
    equal = (wanted == found) | (np.isnan(wanted) & np.isnan(found))
    return float(np.where(equal, 0.0, difference).max())


def _way(result: ValidationResult) -> str:
    if result.runtime != "onnx":
        return "scikit-learn"
    equal = [c["name"] for c in result.report["candidates"] if c["outcome"] == "equal"]
    ties = result.parity.get("ties")
    return (equal[-1] if equal else "") + (f", {ties} ties in the proof" if ties else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--url", help="Upload to this running platform and ask it, instead of in this process.")
    parser.add_argument("--key", default="", help="Its API key: scopes upload, read and predict; its owner may trust.")
    chosen = parser.parse_args()
    wanted = [case for case in cases() if not chosen.only or case.name in chosen.only]
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(chosen.jobs) as pool:
        outcomes = []
        serving = over_http(Platform(chosen.url, chosen.key)) if chosen.url else serve
        for outcome in pool.map(lambda case: run_case(case, Path(folder), serving), wanted):
            outcomes.append(outcome)
            mark = "" if outcome.agrees else "  DISAGREES"
            told = f"{outcome.max_difference} {outcome.detail[:160]}{mark}"
            print(f"{outcome.kind:10} {outcome.name:34} {outcome.way:28} {told}", flush=True)
    counts = {kind: sum(o.kind == kind for o in outcomes) for kind in ("compiled", "native", "refused", "not fitted")}
    print(counts, f"{time.monotonic() - started:.0f} s", "disagree:", [o.name for o in outcomes if not o.agrees])
    if chosen.output:
        versions = f"scikit-learn {sklearn.__version__}, skl2onnx {skl2onnx.__version__}"
        write_page(chosen.output, outcomes, versions, time.monotonic() - started)


if __name__ == "__main__":
    main()
