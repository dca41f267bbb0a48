"""POST /predict/anomaly, which seed 002's transaction validation implies."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.strict_json import StrictJSONParser
from inference.views import answer_headers
from solutions.anomalies import services
from solutions.anomalies.serializers import AnomalySerializer, JudgedSerializer


class AnomalyViewSet(viewsets.ViewSet):
    """Does this transaction stand out, and why?"""

    parser_classes = [StrictJSONParser]
    scopes = {"create": "predict"}
    allow_empty_body = True  # an empty body is refused by the reader, and written down

    @extend_schema(request=AnomalySerializer, responses={200: JudgedSerializer}, operation_id="predict_anomaly")
    def create(self, request: Request) -> Response:
        data, unreadable = _body_of(request)

        def read() -> services.Asked:
            if unreadable is not None:
                raise unreadable
            form = AnomalySerializer(data=data)
            form.is_valid(raise_exception=True)
            return form.asked()

        judged = services.judge(
            by=caller(request),
            detector=_detector(data),
            read=read,
            request_id=str(request._request.request_id),  # type: ignore[attr-defined]
        )
        return Response(judged.body, headers=answer_headers(judged.answer))


def _body_of(request: Request) -> tuple[Any, Exception | None]:
    """The body, or why it can't be read: that is told and recorded where it is read."""
    try:
        return request.data, None
    except Exception as error:  # whatever the parser raises
        return None, error


def _detector(data: Any) -> str:
    """The detector that is asked for, so that the record of a refused body names its model; the form judges it."""
    named = data.get("detector") if isinstance(data, dict) else None
    return named if isinstance(named, str) and named in services.DETECTORS else "forest"
