"""GET /monitoring/health"""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from accounts.authentication import caller
from inference import health_details


class HealthSerializer(serializers.Serializer[Any]):
    """What is served and by what, over all processes; keys that tell of one host say so."""

    status = serializers.CharField(help_text="ok, degraded or unavailable.")
    scope = serializers.CharField()
    version = serializers.CharField(allow_null=True, help_text="The platform's.")
    uptime_seconds = serializers.FloatField()
    models = serializers.DictField(help_text="By name, those this credential may see; `avg_latency` is in seconds.")
    cache = serializers.DictField()
    memory = serializers.DictField()
    processes = serializers.DictField(help_text="`list` with hosts only for staff.")
    spool = serializers.DictField()
    breakers = serializers.DictField()
    damaged = serializers.ListField(child=serializers.DictField())
    quarantined = serializers.ListField(child=serializers.DictField())
    sandbox = serializers.DictField()


class HealthViewSet(viewsets.ViewSet):
    """Health in detail."""

    scopes = {"health": "read"}

    @extend_schema(
        operation_id="monitoring_health",
        description="Health in detail. When a required live model can't be answered: 503 `models_unavailable`, with "
        "the same keys beside `error`.",
        responses=HealthSerializer,
    )
    def health(self, request: Request) -> Response:
        query.refuse_unknown(request, frozenset())
        body, is_available = health_details.collect(request.user, only=caller(request).model_names)
        if not is_available:
            body = {**_refusal(request), **body}
        return Response(body, status=200 if is_available else 503, headers={"Cache-Control": "no-store"})


def _refusal(request: Request) -> dict[str, Any]:
    """The envelope of every 503; here the body goes on with what is known."""
    return {
        "error": {
            "code": "models_unavailable",
            "message": "A live model that must be loaded can be answered by no process.",
            "details": {},
            "request_id": getattr(request, "request_id", ""),
        }
    }
