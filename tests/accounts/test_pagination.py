"""Pages of lists."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.serializers import ModelSerializer

from accounts.models import User
from accounts.routing import route


class PersonSerializer(ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("email",)


class PeopleView(ListAPIView[User]):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    serializer_class = PersonSerializer
    queryset = User.objects.order_by("email")


urlpatterns = [route("api/people", PeopleView.as_view())]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


@pytest.fixture(autouse=True)
def people(db: None) -> None:
    User.objects.bulk_create([User(email=f"p{n:03}@example.org", username=f"p{n}") for n in range(60)])


def emails(body: Any) -> list[str]:
    return [row["email"] for row in body["results"]]


def test_pages_join_up_to_the_whole_list(client: Client) -> None:
    url, seen = "/api/people?page_size=25", []
    while url:
        body = client.get(url).json()
        assert body["count"] == 60
        seen += emails(body)
        url = body["next"]
    assert seen == [f"p{n:03}@example.org" for n in range(60)]


def test_a_page_has_fifty_rows_unless_asked_otherwise(client: Client) -> None:
    body = client.get("/api/people").json()
    assert len(body["results"]) == 50
    assert body["previous"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("page=0", (400, "invalid_page")),
        ("page=-1", (400, "invalid_page")),
        ("page=x", (400, "invalid_page")),
        ("page=last", (400, "invalid_page")),
        ("page=1e400", (400, "invalid_page")),
        ("page=" + "9" * 5000, (400, "invalid_page")),
        ("page=%D9%A3", (400, "invalid_page")),
        ("page=", (400, "invalid_page")),
        ("page=99", (404, "page_not_found")),
        ("page=999999999", (404, "page_not_found")),
        ("page_size=0", (400, "invalid_page_size")),
        ("page_size=201", (400, "invalid_page_size")),
        ("page_size=x", (400, "invalid_page_size")),
        ("page_size=%00", (400, "nul_in_address")),
    ],
)
def test_values_that_make_no_sense_are_refused(query: str, expected: tuple[int, str], client: Client) -> None:
    response = client.get(f"/api/people?{query}")
    assert (response.status_code, response.json()["error"]["code"]) == expected


def test_the_largest_page_is_two_hundred(client: Client) -> None:
    assert len(client.get("/api/people?page_size=200").json()["results"]) == 60
