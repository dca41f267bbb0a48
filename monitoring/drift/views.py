"""Drift over HTTP. Each method translates, makes one domain call, and translates back."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from accounts.authentication import caller
from accounts.idempotent_views import idempotent
from accounts.strict_json import StrictJSONParser
from monitoring.drift import checking, reading, references
from monitoring.drift.serializers import (
    DriftSerializer,
    ReferenceSerializer,
    SpanSerializer,
    drift_body,
)
from registry.errors import NoActiveVersion
from registry.views import find_model, find_version


class DriftViewSet(viewsets.ViewSet):
    """GET /api/v1/models/{ref}/drift, POST .../versions/{number}/drift and .../drift-reference"""

    parser_classes = [StrictJSONParser]
    scopes = {"retrieve": "read", "check": "upload", "take_reference": "upload"}
    allow_empty_body = True

    @extend_schema(
        operation_id="models_drift",
        description="The live version's drift, or that of another: the reference, the last look, each feature.",
        responses=DriftSerializer,
        parameters=[OpenApiParameter("version", int, description="A version's number; the live one when left out.")],
    )
    def retrieve(self, request: Request, ref: str) -> Response:
        query.refuse_unknown(request, {"version"})
        model = find_model(request, ref)
        if text := request.query_params.get("version"):
            version = find_version(request, str(model.pk), query.number("version", text))
        else:
            live = reading.live_version(model)
            if live is None:
                raise NoActiveVersion(f"No version of {model.name} is live: name one.", model=model.name)
            version = live
        return Response(DriftSerializer(drift_body(reading.of_version(version))).data)

    @extend_schema(
        operation_id="versions_check_drift",
        description="Ask for a look: a job makes it within seconds, and `GET .../drift` tells what it found. "
        "409 `no_reference` while there is nothing to compare with.",
        request=None,
        responses={202: ReferenceSerializer},
    )
    @idempotent()
    def check(self, request: Request, ref: str, number: int) -> Response:
        version = find_version(request, ref, number)
        return Response(ReferenceSerializer(checking.ask(version=version, by=caller(request).user)).data, status=202)

    @extend_schema(
        operation_id="versions_take_reference",
        description="Take the version's answered requests of a span of time as what drift is measured from.",
        request=SpanSerializer,
        responses={201: ReferenceSerializer},
    )
    @idempotent()
    def take_reference(self, request: Request, ref: str, number: int) -> Response:
        form = SpanSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        version = find_version(request, ref, number)
        reference = references.from_window(version=version, by=caller(request).user, **form.validated_data)
        return Response(ReferenceSerializer(reference).data, status=201)
