"""The review queue, its settings and what was labelled, over HTTP."""

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from accounts.authentication import caller
from accounts.idempotent_views import idempotent
from accounts.pagination import Pages
from accounts.serializers import StrictSerializer
from accounts.strict_json import StrictJSONParser
from monitoring.outcomes import exporting, reviewing, watching
from monitoring.outcomes.downloads import file_of
from monitoring.outcomes.models import ModelWatch, ReviewItem
from registry.views import find_model


class WatchPatchSerializer(StrictSerializer):
    """What is to change; null turns it off."""

    review_below = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=1)
    review_share = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=1)


class WatchSerializer(serializers.Serializer[Any]):
    """About which predictions people are asked, and how many wait."""

    review_below = serializers.FloatField(allow_null=True, help_text="Those less confident than this.")
    review_share = serializers.FloatField(allow_null=True, help_text="And this share of all others.")
    open = serializers.IntegerField()
    labelled = serializers.IntegerField()
    skipped = serializers.IntegerField()


class ReviewItemSerializer(serializers.ModelSerializer[ReviewItem]):
    """A prediction that waits to be judged: by feedback about it."""

    version = serializers.IntegerField(source="version.number")

    class Meta:
        model = ReviewItem
        fields = ("prediction_id", "version", "confidence", "predicted_at", "reason", "queued_at")
        read_only_fields = fields


class ReviewViewSet(viewsets.ViewSet):
    """GET /api/v1/models/{ref}/review, GET|PATCH .../watch, GET .../labelled"""

    parser_classes = [StrictJSONParser]
    scopes = {"list": "read", "watch": "read", "partial_update": "upload", "labelled": "read"}

    @extend_schema(
        operation_id="models_review",
        description="Predictions that wait to be judged, the least certain first. Feedback about one closes it.",
        responses=ReviewItemSerializer(many=True),
    )
    def list(self, request: Request, ref: str) -> Response:
        query.refuse_unknown(request, query.PAGING)
        model = find_model(request, ref)
        reviewing.require(caller(request).user, model)
        pages = Pages()
        page = pages.paginate_queryset(reviewing.open_items(model).select_related("version"), request, view=self)
        return pages.get_paginated_response(ReviewItemSerializer(page, many=True).data)

    @extend_schema(operation_id="models_watch", responses=WatchSerializer)
    def watch(self, request: Request, ref: str) -> Response:
        """About which predictions people are asked."""
        query.refuse_unknown(request, set())
        model = find_model(request, ref)
        return Response(_told(watching.of_model(model)))

    @extend_schema(operation_id="models_watch_update", request=WatchPatchSerializer, responses=WatchSerializer)
    @idempotent()
    def partial_update(self, request: Request, ref: str) -> Response:
        """Change about which predictions people are asked."""
        form = WatchPatchSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        model = find_model(request, ref)
        known = watching.of_model(model)
        wanted = {"review_below": known.review_below, "review_share": known.review_share} | form.validated_data
        return Response(_told(watching.change(model=model, by=caller(request).user, **wanted)))

    @extend_schema(
        operation_id="models_labelled",
        description="Every labelled row with its input, as far as the record policy kept it: training data.",
        responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY, (200, "text/csv"): OpenApiTypes.BINARY},
        parameters=[OpenApiParameter("as", str, enum=sorted(exporting.FORMATS), description="`jsonl` when left out.")],
    )
    def labelled(self, request: Request, ref: str) -> StreamingHttpResponse:
        query.refuse_unknown(request, {"as"})
        format = query.choice("as", request.query_params.get("as", "jsonl"), exporting.FORMATS)
        model = find_model(request, ref)
        return file_of(exporting.export(model=model, by=caller(request).user, format=format), model.name, format)


def _told(watch: ModelWatch) -> dict[str, Any]:
    facts = {"review_below": watch.review_below, "review_share": watch.review_share}
    return dict(WatchSerializer(facts | reviewing.counts(watch.model)).data)
