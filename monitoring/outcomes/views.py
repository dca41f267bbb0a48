"""Feedback and quality over HTTP. Each method translates, makes one domain call, and translates back."""

from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from accounts.authentication import caller
from accounts.idempotent_views import idempotent
from accounts.pagination import Pages
from accounts.strict_json import StrictJSONParser
from monitoring.outcomes import giving, items, quality, seeing
from monitoring.outcomes.errors import FeedbackInvalid
from monitoring.outcomes.items import Given
from monitoring.outcomes.models import FeedbackState
from monitoring.outcomes.serializers import (
    FeedbackSerializer,
    ManyTruthsSerializer,
    QualitySerializer,
    ReceiptSerializer,
    TruthSerializer,
    report_body,
)
from registry.views import find_model

_ITEM = frozenset({"prediction_id", "subject_id", "model", "label", "value", "index", "source"})
_FILTERS = frozenset({"model", "version", "state", "source", "prediction_id", "from", "to"})


class FeedbackViewSet(viewsets.ViewSet):
    """POST and GET /api/v1/feedback, POST /api/v1/predictions/{id}/feedback"""

    parser_classes = [StrictJSONParser]
    scopes = {"list": "read", "create": "predict", "create_one": "predict"}

    @extend_schema(
        operation_id="feedback_create_one",
        description="What came true of one prediction. Saying it again changes nothing; the last word counts. "
        "Feedback about a prediction that is not recorded yet waits for it.",
        request=TruthSerializer,
        responses={202: FeedbackSerializer},
        parameters=[OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
    )
    @idempotent()
    def create_one(self, request: Request, pk: str) -> Response:
        form = TruthSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        item = items.given(prediction_id=_id_in_path(pk), **form.validated_data)
        row = giving.give_one(item=item, by=caller(request).user, principal=caller(request))
        return Response(FeedbackSerializer(row).data, status=202)

    @extend_schema(
        operation_id="feedback_create",
        description="As for one prediction, for up to 1,000, by prediction or by subject: then the newest recorded "
        "prediction about it is meant. Items that can't be taken are rejected one by one.",
        request=ManyTruthsSerializer,
        responses={202: ReceiptSerializer},
    )
    @idempotent()
    def create(self, request: Request) -> Response:
        form = ManyTruthsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        told = [_item(item) for item in form.validated_data["items"]]
        receipt = giving.give(items=told, by=caller(request).user, principal=caller(request))
        body = {"accepted": receipt.accepted, "waiting": receipt.waiting, "rejected": receipt.rejected}
        return Response(ReceiptSerializer(body).data, status=202)

    @extend_schema(
        operation_id="feedback_list",
        description="Your feedback and all about the models you own, newest first; holders of view_payload see all.",
        responses=FeedbackSerializer(many=True),
        parameters=[
            OpenApiParameter("model", str, description="A model's name or id."),
            OpenApiParameter("version", int, description="A version's number."),
            OpenApiParameter("state", str, enum=list(FeedbackState.values)),
            OpenApiParameter("source", str),
            OpenApiParameter("prediction_id", OpenApiTypes.UUID),
            OpenApiParameter("from", OpenApiTypes.DATETIME, description="Given from then on (ISO 8601 with zone)."),
            OpenApiParameter("to", OpenApiTypes.DATETIME, description="Given before then (ISO 8601 with zone)."),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
        ],
    )
    def list(self, request: Request) -> Response:
        query.refuse_unknown(request, _FILTERS | query.PAGING)
        rows = seeing.visible(caller(request).user, caller(request).model_names).filter(_wanted(request))
        pages = Pages()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(FeedbackSerializer(page, many=True).data)


def _id_in_path(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error


def _item(item: Any) -> Given | FeedbackInvalid:
    """A checked item, or what is wrong with it."""
    if not isinstance(item, dict):
        return FeedbackInvalid("An item is an object.", code="object_required")
    if unknown := sorted(set(item) - _ITEM):
        return FeedbackInvalid(f"Unknown: {unknown[0][:100]}.", code="unknown_field", field=unknown[0][:100])
    try:
        return items.given(**item)
    except FeedbackInvalid as error:
        return error


def _wanted(request: Request) -> Q:
    asked = request.query_params
    wanted = Q()
    if model := asked.get("model"):
        wanted &= Q(model=find_model(request, model))
    if version := asked.get("version"):
        wanted &= Q(version__number=query.number("version", version))
    if state := asked.get("state"):
        wanted &= Q(state=query.choice("state", state, FeedbackState.values))
    if source := asked.get("source"):
        wanted &= Q(source=source)
    if prediction := asked.get("prediction_id"):
        wanted &= Q(prediction_id=query.identifier("prediction_id", prediction))
    if since := asked.get("from"):
        wanted &= Q(given_at__gte=query.moment("from", since))
    if until := asked.get("to"):
        wanted &= Q(given_at__lt=query.moment("to", until))
    return wanted


class QualityViewSet(viewsets.ViewSet):
    """GET /api/v1/models/{ref}/quality"""

    scopes = {"retrieve": "read"}

    @extend_schema(
        operation_id="models_quality",
        description="Accuracy, precision, recall, F1, AUC, log loss, Brier, MAE, RMSE of each version by the feedback "
        "about its predictions, with the labels behind each and a 95 % interval; by day (UTC) of the prediction.",
        responses=QualitySerializer,
        parameters=[
            OpenApiParameter("days", int, description="1 to 366; 30 when left out."),
            OpenApiParameter("version", int, description="A version's number."),
        ],
    )
    def retrieve(self, request: Request, ref: str) -> Response:
        query.refuse_unknown(request, {"days", "version"})
        model = find_model(request, ref)
        days = query.number("days", request.query_params.get("days", str(quality.USUAL_DAYS)))
        if not 1 <= days <= quality.MOST_DAYS:
            raise query.invalid("days", f"a number from 1 to {quality.MOST_DAYS}")
        version = request.query_params.get("version")
        number = None if version is None else query.number("version", version)
        report = quality.report(model, days=days, number=number)
        return Response(QualitySerializer(report_body(model.name, report)).data)
