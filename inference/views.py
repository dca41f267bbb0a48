"""Predictions and activations over HTTP. The viewset is the contract: schema, permissions and every error answer."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.arrival import arrived_at
from accounts.authentication import caller
from accounts.idempotent_views import idempotent, keep
from accounts.strict_json import StrictJSONParser
from inference import activation, predictor, questions
from inference.serializers import (
    ActivationSerializer,
    PredictionAnswerSerializer,
    PredictSerializer,
    answer_body,
)
from registry.models import Deployment
from registry.serializers import NoteSerializer, note_of
from registry.views import find_model, find_version


class PredictViewSet(viewsets.ViewSet):
    """POST /api/v1/predict/{ref} and /batch: the same call under the name that says how many rows to expect."""

    parser_classes = [StrictJSONParser]
    scopes = {"create": "predict", "batch": "predict"}
    allow_empty_body = True  # an empty body is refused by the predictor, which writes it down

    @extend_schema(
        request=PredictSerializer,
        responses={200: PredictionAnswerSerializer},
        operation_id="predict",
        description="Up to `max_batch_rows` rows. `ref` is an id, `name`, `name:version` or `name@production`.",
    )
    def create(self, request: Request, ref: str) -> Response:
        request_id = request._request.request_id  # type: ignore[attr-defined]
        answer = predictor.predict(
            principal=caller(request),
            reference=ref,
            read=lambda: questions.read(request.data),
            request_id=request_id,
            arrived_at=arrived_at(request.META),
        )
        return Response(answer_body(answer, request_id=request_id), headers=answer_headers(answer))

    @extend_schema(
        request=PredictSerializer,
        responses={200: PredictionAnswerSerializer},
        operation_id="predict_batch",
        description="As `predict`. All or nothing: one wrong row refuses the request and is named.",
    )
    def batch(self, request: Request, ref: str) -> Response:
        return self.create(request, ref)


def answer_headers(answer: predictor.Answer) -> dict[str, str]:
    """What the headers of an answer tell, at this door and at the fast lane."""
    headers = {"X-Model-Version": str(answer.served.number), "X-Cache": answer.cache}
    if answer.degraded:
        headers["X-Degraded"] = answer.degraded
    if answer.served.is_deprecated:
        headers["Warning"] = '299 - "this version is deprecated"'
    return headers


def _staging_seconds() -> float:
    return settings.STAGING_SECONDS + 30.0


class ActivationViewSet(viewsets.ViewSet):
    """POST /api/v1/models/{ref}/versions/{number}/activate and /api/v1/models/{ref}/rollback"""

    parser_classes = [StrictJSONParser]
    scopes = {"activate": "activate", "rollback": "activate"}
    allow_empty_body = True

    @extend_schema(
        request=NoteSerializer,
        responses=ActivationSerializer,
        operation_id="versions_activate",
        description="Make a version live. Every serving process warms it up first; until then the old one answers.",
    )
    @idempotent(seconds=_staging_seconds, is_atomic=False)
    def activate(self, request: Request, ref: str, number: int) -> Response:
        note = note_of(request)
        version = find_version(request, ref, number)
        entry = activation.activate(version=version, by=caller(request).user, note=note, within=_kept(request))
        return _entered(entry)

    @extend_schema(
        request=NoteSerializer,
        responses=ActivationSerializer,
        operation_id="models_rollback",
        description="Make live again what was live before.",
    )
    @idempotent(seconds=_staging_seconds, is_atomic=False)
    def rollback(self, request: Request, ref: str) -> Response:
        note = note_of(request)
        model = find_model(request, ref)
        entry = activation.rollback(model=model, by=caller(request).user, note=note, within=_kept(request))
        return _entered(entry)


def _kept(request: Request) -> Callable[[Deployment], None]:
    """Has the answer committed with the ledger's entry, so that a repeated call can't roll back twice."""
    return lambda entry: keep(request, _entered(entry))


def _entered(entry: Deployment) -> Response:
    body: dict[str, Any] = {
        "deployment_id": entry.pk,
        "version": entry.version.number,
        "previous_version": entry.previous_version_number(),
        "activated_at": entry.activated_at,
    }
    return Response(ActivationSerializer(body).data)
