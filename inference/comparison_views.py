"""GET /api/v1/models/{ref}/compare"""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from inference import comparing
from registry.views import find_model, find_version


class ComparisonSerializer(serializers.Serializer[Any]):
    """Two versions side by side. Lines read `{name, values: [first, second], same}`."""

    model = serializers.CharField()
    versions = serializers.ListField(child=serializers.IntegerField())
    facts = serializers.ListField(child=serializers.DictField())
    libraries = serializers.ListField(child=serializers.DictField())
    signature = serializers.ListField(child=serializers.DictField())
    metrics = serializers.ListField(child=serializers.DictField())
    traffic = serializers.ListField(child=serializers.DictField(), help_text="The last seven days of each version.")
    golden = serializers.DictField(help_text="How both answer the golden rows of either.")


class ComparisonViewSet(viewsets.ViewSet):
    """Two versions of a model side by side."""

    scopes = {"retrieve": "read"}

    @extend_schema(
        responses=ComparisonSerializer,
        parameters=[OpenApiParameter("versions", str, required=True, description="Two numbers, such as `1,2`.")],
        operation_id="models_compare",
    )
    def retrieve(self, request: Request, ref: str) -> Response:
        query.refuse_unknown(request, {"versions"})
        model = find_model(request, ref)
        first, second = _numbers(request.query_params.get("versions", ""))
        versions = [find_version(request, str(model.pk), number) for number in (first, second)]
        return Response(comparing.compare(*versions))


def _numbers(text: str) -> tuple[int, int]:
    parts = text.split(",")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts):
        raise query.invalid("versions", "two version numbers, such as 1,2")
    return int(parts[0]), int(parts[1])
