"""Prediction records over HTTP: read only."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from accounts.bounded_paginator import BoundedPaginator
from accounts.pagination import Pages
from accounts.principal import Principal
from monitoring import rights
from monitoring.models import Outcome, PredictionLog
from monitoring.serializers import PredictionDetailSerializer, PredictionSerializer
from registry import resolver

_FILTERS = frozenset({"model", "version", "outcome", "actor", "from", "to"})
_MOST_DIGITS = 9


class RecordPages(Pages):
    """Counts to 10,000 only: to count ten million records takes seconds. Further back leads `to`."""

    django_paginator_class = BoundedPaginator


class PredictionViewSet(viewsets.ViewSet):
    """GET /api/v1/predictions and /{id}: one's own records, and all of the models one owns; staff see
    everything.
    """

    scopes = {"list": "read", "retrieve": "read"}

    @extend_schema(
        operation_id="predictions_list",
        description="Prediction records, the newest first.",
        responses=PredictionSerializer(many=True),
        parameters=[
            OpenApiParameter("model", str, description="A model's name or id."),
            OpenApiParameter("version", int, description="A version's number."),
            OpenApiParameter("outcome", str, enum=list(Outcome.values)),
            OpenApiParameter("actor", str, description="Who asked: an e-mail address, an id or `me`."),
            OpenApiParameter(
                "from",
                OpenApiTypes.DATETIME,
                description="The earliest time, inclusive (ISO 8601 with zone).",
            ),
            OpenApiParameter(
                "to", OpenApiTypes.DATETIME, description="The latest time, exclusive (ISO 8601 with zone)."
            ),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
        ],
    )
    def list(self, request: Request) -> Response:
        query.refuse_unknown(request, _FILTERS | query.PAGING)
        records = _filtered(_readable(request), request)
        pages = RecordPages()
        page = pages.paginate_queryset(records.order_by("-created_at", "-id"), request, view=self)
        return pages.get_paginated_response(PredictionSerializer(page, many=True).data)

    @extend_schema(
        operation_id="predictions_retrieve",
        description="One record with its input and output, as far as the model's record policy keeps them and you may "
        "read them: your own, those of models you own, and with the permission `view_payload` everybody's.",
        responses=PredictionDetailSerializer,
        parameters=[OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        query.refuse_unknown(request, frozenset())
        record = _readable(request).filter(pk=_uuid(pk)).first()
        if record is None:
            raise Http404
        if not rights.may_read_data(request.user, record):
            record.input = record.output = None
        return Response(PredictionDetailSerializer(record).data)


def _readable(request: Request) -> QuerySet[PredictionLog]:
    """The records that this credential may read; never those of a model that has become invisible to its
    owner.
    """
    records = PredictionLog.objects.visible_to(request.user)
    if not request.user.is_staff:
        from_visible = Q(model__owner=request.user) | Q(model__visibility="internal")
        records = records.filter(from_visible)
    principal = request.auth
    if isinstance(principal, Principal) and principal.model_names is not None:
        records = records.filter(model__name__in=principal.model_names)
    return records.select_related("model", "version", "user").defer("input", "output")


def _filtered(records: QuerySet[PredictionLog], request: Request) -> QuerySet[PredictionLog]:
    wanted = request.query_params
    if model := wanted.get("model"):
        records = records.filter(model=resolver.find_model(model, user=request.user))
    if version := wanted.get("version"):
        records = records.filter(version__number=_number("version", version))
    if outcome := wanted.get("outcome"):
        records = records.filter(outcome=query.choice("outcome", outcome, Outcome.values))
    if actor := wanted.get("actor"):
        records = records.filter(_actor(actor, request.user))
    if since := wanted.get("from"):
        records = records.filter(created_at__gte=query.moment("from", since))
    if until := wanted.get("to"):
        records = records.filter(created_at__lt=query.moment("to", until))
    return records


def _actor(text: str, user: Any) -> Q:
    if text == "me":
        return Q(user=user)
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        return Q(user_id=int(text))
    return Q(user__email=text.lower())


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise query.invalid(name, "a whole number")
    return int(text)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error
