from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from tests.solutions.greetings import services
from tests.solutions.greetings.serializers import GreetingSerializer


class GreetingViewSet(viewsets.ViewSet):
    scopes = {"create": "predict"}

    def create(self, request: Request) -> Response:
        form = GreetingSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        request_id = request._request.request_id
        return Response(services.judge(text=form.validated_data["text"], by=caller(request), request_id=request_id))
