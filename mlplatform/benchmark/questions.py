"""What to ask a version, and what counts as an answer. The rows are its golden inputs: valid, and its own."""

import json
import math
from dataclasses import dataclass
from typing import Any

import orjson

from mlplatform.benchmark.link import Address, render
from mlplatform.benchmark.load import Judge, Question
from registry.models import ModelVersion

MAX_QUESTIONS = 200


class NothingToAsk(Exception):
    """The version keeps no golden inputs and no sample."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A version under measurement."""

    reference: str
    version: ModelVersion
    rows: list[Any]


def subject(version: ModelVersion) -> Subject:
    """Raises NothingToAsk."""
    rows = (version.golden or {}).get("instances") or version.sample or []
    if not rows:
        raise NothingToAsk(f"{version} keeps no golden inputs and no sample: there is nothing to ask it.")
    return Subject(str(version), version, list(rows)[:MAX_QUESTIONS])


def questions(subject: Subject, address: Address, key: str, *, use_cache: bool) -> list[Question]:
    """One request for each row of the subject."""
    path = f"/api/v1/predict/{subject.reference}"
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    judge = judge_of(subject.version)
    made = []
    for row in subject.rows:
        body = json.dumps({"instances": [row], "use_cache": use_cache}, separators=(",", ":")).encode()
        made.append(Question(render(address, "POST", path, headers=headers, body=body), judge))
    return made


def judge_of(version: ModelVersion) -> Judge:
    """Tells a good answer to one row of this version from a refusal, a fallback and a wrong shape."""
    signature = version.signature or {}
    classes = signature.get("classes")
    allowed = None if classes is None or signature.get("multi_output") else set(classes)
    is_number = signature.get("task") == "regression" and not signature.get("multi_output")

    def judge(status: int, body: bytes) -> str:
        if status != 200:
            return f"status {status}"
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            return "not JSON"
        if not isinstance(answer, dict) or answer.get("version") != version.number:
            return "another version answered"
        if answer.get("degraded"):
            return "fallback"
        return _shape(answer, allowed, is_number)

    return judge


def _shape(answer: dict[str, Any], allowed: set[Any] | None, is_number: bool) -> str:
    predictions = answer.get("predictions")
    if not isinstance(predictions, list) or len(predictions) != 1:
        return "wrong number of predictions"
    said = predictions[0]
    if allowed is not None and (isinstance(said, list | dict) or said not in allowed):
        return "unknown class"
    if is_number and not _is_finite(said):
        return "not a number"
    scores = answer.get("probabilities")
    if scores is not None and (len(scores) != 1 or (allowed is not None and len(scores[0]) != len(allowed))):
        return "wrong number of probabilities"
    return ""


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
