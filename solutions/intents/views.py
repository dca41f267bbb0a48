"""POST /predict/intent, as seed 002 names it."""

from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.strict_json import StrictJSONParser
from inference.views import answer_headers
from solutions.intents import services
from solutions.intents.serializers import IntentSerializer, QuerySerializer


class IntentViewSet(viewsets.ViewSet):
    """What does the customer want?"""

    parser_classes = [StrictJSONParser]
    scopes = {"create": "predict"}
    allow_empty_body = True  # an empty body is refused by the reader, and written down

    @extend_schema(request=QuerySerializer, responses={200: IntentSerializer}, operation_id="predict_intent")
    def create(self, request: Request) -> Response:
        def read() -> services.Asked:
            form = QuerySerializer(data=request.data)
            form.is_valid(raise_exception=True)
            return form.asked()

        request_id = str(request._request.request_id)  # type: ignore[attr-defined]
        understood = services.understand(by=caller(request), read=read, request_id=request_id)
        return Response(understood.body, headers=answer_headers(understood.answer))
