"""What is written down about one request, whatever became of it."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from django.conf import settings
from django.utils.module_loading import import_string

from accounts import metrics
from accounts.principal import Principal
from inference import kept_inputs
from inference.explaining import Explanation, NotExplained
from inference.handlers.base import Payload, Predictions
from monitoring import spool
from registry.recording import RecordPolicy
from registry.resolver import Served

log = logging.getLogger(__name__)

_TOO_LATE = 504


@cache
def _answer_to() -> Callable[[BaseException], Any]:
    """The project's table from errors to answers; named in the settings, because the project is above this app."""
    return import_string(settings.ANSWER_TO_ERROR)


@dataclass(slots=True)
class Record:
    """One request on its way into the prediction log. Begins when the request does; `write` ends it."""

    prediction_id: str
    request_id: str
    principal: Principal
    at: float = field(default_factory=time.time)
    started: float = field(default_factory=time.perf_counter)
    served: Served | None = None
    payload: Payload | None = None
    rows: int = 0
    subject_id: str = ""
    inference_ms: float = 0.0
    explanation: Explanation | NotExplained | None = None

    def came_at(self, arrived_at: float) -> None:
        """The request came sooner, at that time of `perf_counter`, and has waited since."""
        self.at -= self.started - arrived_at
        self.started = arrived_at

    def succeeded(self, answer: Predictions, *, from_cache: bool) -> None:
        """Write down an answer. Must be called before the answer leaves; raises when it can't be written down."""
        confidence = answer.confidence[0] if answer.confidence and self.rows == 1 else None
        output = {"predictions": answer.predictions, "probabilities": answer.probabilities}
        if self.explanation is not None:
            output |= self._explained()
        self._write(outcome="cached" if from_cache else "ok", confidence=confidence, output=output)

    def fell_back(self, answer: Predictions, *, reason: str) -> None:
        """Write down an answer that the model didn't give."""
        self._write(outcome="fallback", error_code=reason, output={"predictions": answer.predictions})

    def failed(self, error: Exception) -> None:
        """Write down a request that got no answer. Never raises for want of a place to write."""
        answer = _answer_to()(error)
        outcome = "invalid" if answer.status < 500 else "timeout" if answer.status == _TOO_LATE else "error"
        try:
            self._write(outcome=outcome, status_code=answer.status, error_code=answer.code)
        except (spool.SpoolFull, spool.SpoolWriteFailed) as unwritten:
            # No answer is at stake: the client is told what was wrong with its request, not with our disk.
            log.error("a refused request of %s was not recorded: %s", self.request_id, unwritten)

    def _explained(self) -> dict[str, Any]:
        """The explanation tells of the input, so it is kept only where all of the input is; and only if not large."""
        served, told = self.served, self.explanation
        if served is None or not isinstance(told, Explanation):
            return {}
        if served.recording.policy != RecordPolicy.FULL or served.recording.redacted:
            return {}
        body = told.to_dict()
        return {"explanation": body} if len(orjson.dumps(body, default=str)) <= spool.MAX_PART_BYTES // 2 else {}

    def _write(
        self,
        *,
        outcome: str,
        status_code: int = 200,
        error_code: str = "",
        confidence: float | None = None,
        output: Any = None,
    ) -> None:
        served = self.served
        if served is None:
            return  # nothing was resolved: there is no model to write this down for
        latency_seconds = time.perf_counter() - self.started
        recording, payload = served.recording, self.payload
        keeps_data = self.rows == 1 or recording.batches or outcome == "invalid"
        if keeps_data and not recording.is_plain:
            input, output = _by_policy(served, payload, output)
        else:
            input = {payload.kind: payload.data} if keeps_data and payload is not None else None
            output = output if keeps_data else None
        spool.append(
            {
                "id": self.prediction_id,
                "request_id": self.request_id,
                "at": self.at,
                "model_id": served.model_id,
                "version_id": served.version_id,
                "user_id": self.principal.user_id,
                "key_id": self.principal.key_id,
                "subject_id": self.subject_id,
                "outcome": outcome,
                "status_code": status_code,
                "error_code": error_code,
                "instance_count": self.rows,
                "latency_ms": latency_seconds * 1000,
                "inference_ms": self.inference_ms,
                "confidence": confidence,
                "input": input,
                "output": output,
            }
        )
        metrics.count_prediction(
            model=served.model_name,
            version=served.number,
            status=outcome,
            seconds=latency_seconds,
            confidence=confidence,
            error_code=error_code,
        )


def _by_policy(served: Served, payload: Payload | None, output: Any) -> tuple[Any, Any]:
    """Input and output as far as a model that doesn't keep everything lets them be written down."""
    recording = served.recording
    if recording.policy == RecordPolicy.NONE or random.random() >= recording.sample_rate:  # noqa: S311 (no secret)
        return None, None
    if payload is None or recording.policy == RecordPolicy.OUTPUTS:
        return None, output
    data: dict[str, Any] = {payload.kind: payload.data}
    if recording.redacted:
        columns = [column["name"] for column in served.signature["inputs"]]
        data = kept_inputs.redacted(payload, recording.redacted, columns)
    return kept_inputs.hashed(data) if recording.policy == RecordPolicy.HASHED else data, output
