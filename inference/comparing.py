"""Two versions of a model side by side: what is recorded of them, how they did, and how they answer the same rows."""

import json
from typing import Any

from inference import golden, model_cache
from inference.errors import InputInvalid, ModelExecutionFailed, RuntimeUnavailable
from inference.validation import parity
from inference.validation.outputs import Answers
from monitoring import version_traffic
from registry import comparing, resolver
from registry.errors import DigestMismatch
from registry.models import SERVABLE, ModelVersion

MAX_ROWS = 200
MAX_EXAMPLES = 10


def compare(first: ModelVersion, second: ModelVersion) -> dict[str, Any]:
    """Everything that tells two versions apart, in plain values. Loads both into this process when they can be served.

    Lines read `{name, values: [first, second], same}`; `traffic` covers the last seven days.
    """
    versions = [first, second]
    sums = version_traffic.of_versions([version.pk for version in versions])
    return {
        "model": first.model.name,
        "versions": [version.number for version in versions],
        "facts": comparing.facts(versions),
        "libraries": comparing.library_versions(versions),
        "signature": comparing.signature_lines(versions),
        "metrics": comparing.metric_lines(versions),
        "traffic": [version_traffic.facts(sums[version.pk]) for version in versions],
        "golden": golden_differences(first, second),
    }


def golden_differences(first: ModelVersion, second: ModelVersion) -> dict[str, Any]:
    """How both versions answer the golden rows of either; `problem` says why they can't be asked."""
    rows = _rows(first, second)
    report: dict[str, Any] = {"rows": len(rows), "different": None, "max_difference": None, "examples": []}
    retired = [version.number for version in (first, second) if version.status not in SERVABLE]
    if retired:
        return {**report, "problem": f"Version {retired[0]} can't be served, so it can't be asked."}
    if not rows:
        return {**report, "problem": "Neither version has golden rows."}
    try:
        told = [_ask(version, rows) for version in (first, second)]
    except InputInvalid as error:
        return {**report, "problem": f"The versions don't take the same inputs: {error.message}"}
    except (DigestMismatch, RuntimeUnavailable, ModelExecutionFailed) as error:
        return {**report, "problem": f"A version can't be asked: {error}"}
    return {**report, **_judged(rows, *told, task=str((first.signature or {}).get("task"))), "problem": ""}


def _rows(*versions: ModelVersion) -> list[Any]:
    """The golden rows of the versions, each once."""
    rows = [row for version in versions for row in (version.golden or {}).get("instances", [])]
    return list({json.dumps(row, sort_keys=True): row for row in rows}.values())[:MAX_ROWS]


def _ask(version: ModelVersion, rows: list[Any]) -> Answers:
    return golden.ask(model_cache.cache.get(resolver.served(version)), rows)


def _judged(rows: list[Any], first: Answers, second: Answers, *, task: str) -> dict[str, Any]:
    """Row by row within parity's tolerance, so that every row that differs is counted."""
    proofs = [parity.compare(first.pick([at]), second.pick([at]), task) for at in range(len(rows))]
    different = [at for at, proof in enumerate(proofs) if not proof.passed]
    return {
        "different": len(different),
        "max_difference": max((proof.max_difference or 0.0 for proof in proofs), default=0.0),
        "examples": [
            {"instance": rows[at], "predictions": [first.predictions[at], second.predictions[at]]}
            for at in different[:MAX_EXAMPLES]
        ],
    }
