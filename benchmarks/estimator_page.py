"""The table of estimators as a page of the documentation."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

KINDS = {
    "compiled": "compiled to ONNX, answers proved equal",
    "native": "served natively, for versions marked as trusted",
    "refused": "refused",
    "not fitted": "not fitted on the small data set",
}


def write_page(path: Path, outcomes: list[Any], versions: str, seconds: float) -> None:
    path.write_text("\n".join(_lines(outcomes, versions, seconds)) + "\n", encoding="utf-8")


def _lines(outcomes: list[Any], versions: str, seconds: float) -> Iterable[str]:
    yield "# Which scikit-learn estimators are served, and how"
    yield ""
    yield "Made by `python -m benchmarks.estimators --output docs/estimators.md` with"
    yield f"{versions}, in {seconds:.0f} seconds. Each classifier and regressor that"
    yield "`sklearn.utils.all_estimators` lists is fitted on a real data set that comes with scikit-learn (wine,"
    yield "diabetes), saved with joblib, validated in the sandbox as an untrusted upload, loaded by the runtime and"
    yield "asked for held-out rows through the handler. Its answers are compared with the original's: labels equal,"
    yield "probabilities within 1e-4, regression values within 1e-4 of their size. What cannot be compiled is validated"
    yield "again as a trusted version."
    yield ""
    yield "| outcome | estimators |"
    yield "|---|---|"
    for kind, meaning in KINDS.items():
        yield f"| {meaning} | {sum(outcome.kind == kind for outcome in outcomes)} |"
    wrong = [outcome.name for outcome in outcomes if not outcome.agrees]
    yield f"| answers that disagree with the original | {len(wrong)} |"
    yield ""
    for task in ("classification", "regression"):
        yield f"## {task.capitalize()}"
        yield ""
        yield "| estimator | outcome | way | held-out rows | labels that differ | largest difference |"
        yield "|---|---|---|---|---|---|"
        for outcome in outcomes:
            if outcome.task == task:
                yield _row(outcome)
        yield ""
    yield "## Why some are not compiled"
    yield ""
    yield "The code and the message that the uploader sees; for `not_compilable` it holds the compiler's own exception."
    yield ""
    for outcome in outcomes:
        if outcome.detail:
            yield f"- **{outcome.name}** ({outcome.kind}): {_plain(outcome.detail)}"


def _row(outcome: Any) -> str:
    mismatches = "" if outcome.label_mismatches is None else outcome.label_mismatches
    difference = "" if outcome.max_difference is None else f"{outcome.max_difference:.1e}"
    mark = outcome.kind if outcome.agrees else f"{outcome.kind}, **disagrees**"
    return f"| {outcome.name} | {mark} | {outcome.way} | {outcome.rows or ''} | {mismatches} | {difference} |"


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
