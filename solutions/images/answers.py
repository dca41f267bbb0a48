"""The services' answers in the API's words."""

from typing import Any

from inference.predictor import Answer
from solutions.images import QUALITY
from solutions.images.services import Asked, Judged

_DIGITS = 4


def of_quality(judged: Judged, asked: Asked) -> dict[str, Any]:
    """One picture's answer."""
    return {**_results(judged)[0], **_about(judged, asked)}


def of_batch(judged: Judged, asked: Asked) -> dict[str, Any]:
    """The answers of several pictures, in their order."""
    results = _results(judged)
    return {"results": results, "count": len(results), **_about(judged, asked)}


def of_family(answer: Answer, asked: Asked) -> dict[str, Any]:
    """The kind of a logo with the probability of each."""
    told = answer.predictions
    shares = dict(zip(map(str, told.classes or []), (told.probabilities or [[]])[0], strict=False))
    return {
        "label": str(told.predictions[0]),
        "confidence": (told.confidence or [None])[0],
        "probabilities": shares,
        "degraded": bool(answer.degraded),
        **_of_prediction(answer, asked),
    }


def _results(judged: Judged) -> list[dict[str, Any]]:
    return [
        {"ssim": round(value, _DIGITS), "params": params}
        for value, params in zip(judged.ssim, judged.params, strict=True)
    ]


def _about(judged: Judged, asked: Asked) -> dict[str, Any]:
    flags = {"degraded": bool(judged.degraded), "degraded_reason": judged.degraded}
    if judged.answer is not None:
        return {**flags, **_of_prediction(judged.answer, asked)}
    return {
        **flags,
        "model": QUALITY,
        "version": None,
        "prediction_id": None,
        "inference_time_ms": 0.0,
        "from_cache": False,
        "request_id": asked.request_id,
    }


def _of_prediction(answer: Answer, asked: Asked) -> dict[str, Any]:
    return {
        "model": answer.served.model_name,
        "version": answer.served.number,
        "prediction_id": answer.prediction_id,
        "inference_time_ms": round(answer.inference_ms, 3),
        "from_cache": answer.cache == "hit",
        "request_id": asked.request_id,
    }
