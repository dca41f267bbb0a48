"""GET /metrics: for Prometheus, from an allowed network or with the key of somebody on the staff."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from accounts.addresses import client_address, is_within
from accounts.errors import Forbidden
from accounts.permissions import HasScope
from monitoring import scrape


class MayScrape(HasScope):
    """The page names every model of every owner, so a reader's own key isn't enough."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if is_within(client_address(request.META), tuple(settings.METRICS_NETWORKS)):
            return True
        if not super().has_permission(request, view):
            return False
        if not request.user.is_staff:
            raise Forbidden("Metrics tell of every model: this takes the key of a member of the staff.")
        return True


class _NoChoice(BaseContentNegotiation):
    """Whatever a scraper says it accepts, this is what there is: the page, and errors as JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class MetricsViewSet(viewsets.ViewSet):
    """The page that Prometheus scrapes."""

    permission_classes = [MayScrape]
    content_negotiation_class = _NoChoice
    scopes = {"list": "read"}

    @extend_schema(
        operation_id="metrics",
        description="This host's metrics in Prometheus' text format. Staff, or a network in METRICS_NETWORKS.",
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def list(self, request: Request) -> HttpResponse:
        return HttpResponse(scrape.render(), content_type=scrape.CONTENT_TYPE, headers={"Cache-Control": "no-store"})
