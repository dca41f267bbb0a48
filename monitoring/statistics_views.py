"""GET /monitoring/statistics and /api/v1/monitoring/analytics"""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from accounts.authentication import caller
from monitoring import statistics
from registry import resolver
from registry.errors import ModelNotFound

_HOURS = OpenApiParameter(
    "hours", int, description=f"How far back, 1 to {statistics.MOST_HOURS}; {statistics.USUAL_HOURS} without it."
)


class StatisticsSerializer(serializers.Serializer[Any]):
    """Counts, error rates and latencies in milliseconds; minimum, maximum and percentiles within 4.5 %."""

    scope = serializers.CharField(help_text="cluster: the sums of all processes and hosts.")
    hours = serializers.IntegerField()
    since = serializers.DateTimeField(help_text="The first instant that is counted.")
    until = serializers.DateTimeField()
    totals = serializers.DictField()
    models = serializers.DictField(help_text="By name; each with `versions` by number.")


class AnalyticsSerializer(StatisticsSerializer):
    """The same with its course over time."""

    step_seconds = serializers.IntegerField()
    series = serializers.ListField(child=serializers.DictField(), help_text="The steps with requests, oldest first.")


class StatisticsViewSet(viewsets.ViewSet):
    """What predictions did, of the models that this credential may see."""

    can_miss_its_model = True

    scopes = {"statistics": "read", "analytics": "read"}

    @extend_schema(
        responses=StatisticsSerializer,
        parameters=[_HOURS],
        operation_id="monitoring_statistics",
        description="Counts, error rate and latency of each model and version over the last hours.",
    )
    def statistics(self, request: Request) -> Response:
        query.refuse_unknown(request, {"hours"})
        found = statistics.traffic(request.user, only=caller(request).model_names, hours=_hours(request))
        return Response(statistics.report(found))

    @extend_schema(
        responses=AnalyticsSerializer,
        parameters=[_HOURS, OpenApiParameter("model", str, description="One model's name or id.")],
        operation_id="monitoring_analytics",
        description="The statistics with their course over time, for all models or one.",
    )
    def analytics(self, request: Request) -> Response:
        query.refuse_unknown(request, {"hours", "model"})
        found = statistics.traffic(request.user, only=_wanted(request), hours=_hours(request), with_steps=True)
        body = statistics.report(found)
        return Response({**body, "step_seconds": int(found.resolution), "series": statistics.series(found)})


def _hours(request: Request) -> int:
    text = request.query_params.get("hours", str(statistics.USUAL_HOURS))
    return query.whole_number("hours", text, least=1, most=statistics.MOST_HOURS)


def _wanted(request: Request) -> frozenset[str] | None:
    """The model asked for, as this credential may see it. Raises ModelNotFound."""
    reference = request.query_params.get("model")
    if reference is None:
        return caller(request).model_names
    name = resolver.find_model(reference, user=request.user).name
    if not caller(request).may_use_model(name):
        raise ModelNotFound(f"There is no model {reference!r}.")
    return frozenset({name})
