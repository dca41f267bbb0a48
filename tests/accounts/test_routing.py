"""Routes with and without a trailing slash."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, include, path, resolve, reverse
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.routing import Router, route


def view(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


class Models(ViewSet):
    def list(self, request: Request) -> Response:
        return Response([])

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(pk)

    @action(detail=True, url_path=r"versions/(?P<number>[0-9]+)")
    def version(self, request: Request, pk: str, number: str) -> Response:
        return Response([pk, number])


_router = Router()
_router.register("models", Models, basename="model")
urlpatterns = [
    path(
        "api/v1/",
        include([route("suggest", view, name="suggest"), route("x/<int:number>", view, name="x"), *_router.urls]),
    )
]
pytestmark = pytest.mark.urls(__name__)


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("url", "kwargs"),
    [
        ("/api/v1/suggest", {}),
        ("/api/v1/x/7", {"number": 7}),
        ("/api/v1/models", {}),
        ("/api/v1/models/churn.v2", {"pk": "churn.v2"}),
        ("/api/v1/models/churn:3", {"pk": "churn:3"}),
        ("/api/v1/models/churn@production", {"pk": "churn@production"}),
        ("/api/v1/models/churn/versions/3", {"pk": "churn", "number": "3"}),
    ],
)
def test_either_form_leads_to_the_same_view(url: str, slash: str, kwargs: dict[str, object]) -> None:
    assert resolve(url + slash).kwargs == kwargs


@pytest.mark.parametrize(
    "url",
    ["/api/v1/suggest//", "/api/v1/suggestx", "/api/v1/models//", "/api/v1/x/seven", "/api/v1/suggest\n"],
)
def test_other_spellings_lead_nowhere(url: str) -> None:
    with pytest.raises(Resolver404):
        resolve(url)


def test_addresses_are_written_without_the_slash() -> None:
    assert reverse("suggest") == "/api/v1/suggest"
    assert reverse("x", args=[7]) == "/api/v1/x/7"
    assert reverse("model-list") == "/api/v1/models"
    assert reverse("model-detail", args=["churn:3"]) == "/api/v1/models/churn:3"
