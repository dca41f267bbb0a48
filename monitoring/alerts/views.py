"""Alerts over HTTP: what fires, what happened, and silence."""

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from accounts.authentication import caller
from accounts.errors import Forbidden
from accounts.pagination import Pages
from accounts.strict_json import StrictJSONParser
from monitoring.alerts import seeing, services
from monitoring.alerts.models import Alert, State
from monitoring.alerts.serializers import AlertEventSerializer, AlertSerializer, SilenceSerializer, body

_STATES = (State.FIRING.value, State.PENDING.value)
_PAGES = [OpenApiParameter("page", int), OpenApiParameter("page_size", int)]
_ID = OpenApiParameter("id", int, OpenApiParameter.PATH)


class AlertViewSet(viewsets.ViewSet):
    """GET /api/v1/alerts and /history, POST and DELETE /api/v1/alerts/{id}/silence"""

    parser_classes = [StrictJSONParser]
    scopes = {"list": "read", "history": "read", "silence": "admin", "end_silence": "admin"}

    @extend_schema(
        operation_id="alerts_list",
        description="What is wrong now: of the models the credential may see, and for the staff with the right of all.",
        responses=AlertSerializer(many=True),
        parameters=[OpenApiParameter("state", str, enum=list(_STATES)), *_PAGES],
    )
    def list(self, request: Request) -> Response:
        query.refuse_unknown(request, {"state"} | query.PAGING)
        rows = _readable(request)
        if state := request.query_params.get("state"):
            rows = rows.filter(state=query.choice("state", state, _STATES))
        pages = Pages()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(AlertSerializer(page, many=True).data)

    @extend_schema(
        operation_id="alerts_history",
        description="What happened to alerts, the newest first.",
        responses=AlertEventSerializer(many=True),
        parameters=_PAGES,
    )
    def history(self, request: Request) -> Response:
        query.refuse_unknown(request, query.PAGING)
        rows = seeing.events(request.user)
        names = caller(request).model_names
        pages = Pages()
        page = pages.paginate_queryset(
            rows if names is None else rows.filter(model__name__in=names), request, view=self
        )
        return pages.get_paginated_response(AlertEventSerializer(page, many=True).data)

    @extend_schema(
        operation_id="alerts_silence",
        description="Have nobody told of it for a while; it goes on being judged.",
        request=SilenceSerializer,
        responses=AlertSerializer,
        parameters=[_ID],
    )
    def silence(self, request: Request, pk: str) -> Response:
        alert = _changeable(request, pk)
        form = SilenceSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        services.silence(alert=alert, minutes=given["minutes"], by=caller(request).user, note=given["note"])
        return Response(body(alert))

    @extend_schema(
        operation_id="alerts_end_silence",
        description="Have people told again; of an alert that fires, at once.",
        request=None,
        responses=AlertSerializer,
        parameters=[_ID],
    )
    def end_silence(self, request: Request, pk: str) -> Response:
        alert = _changeable(request, pk)
        services.end_silence(alert=alert, by=caller(request).user)
        return Response(body(alert))


def _readable(request: Request):
    rows = seeing.alerts(request.user)
    names = caller(request).model_names
    return rows if names is None else rows.filter(model__name__in=names)


def _changeable(request: Request, pk: str) -> Alert:
    """The alert, for whoever sees it and may silence it. Raises Http404 and Forbidden."""
    known = pk.isascii() and pk.isdigit() and len(pk) <= 18
    alert: Alert | None = _readable(request).filter(pk=int(pk)).first() if known else None
    if alert is None:
        raise Http404
    if not request.user.has_perm(seeing.SILENCES):
        raise Forbidden("Silencing alerts takes a right.", details={"right": seeing.SILENCES})
    return alert
