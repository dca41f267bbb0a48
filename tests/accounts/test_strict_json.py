"""JSON bodies at DRF's door, and answers."""

import datetime
import uuid
from decimal import Decimal
from io import BytesIO
from typing import Any

import orjson
import pytest
from django.test import Client, RequestFactory
from django.utils.functional import lazystr
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import BodyMalformed, BodyTooLarge
from accounts.routing import route
from accounts.strict_json import FastJSONRenderer, StrictJSONParser, loads, require_body


class EchoView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        require_body(request, self)
        return Response({"got": request.data})


class LenientEchoView(EchoView):
    allow_empty_body = True


urlpatterns = [route("api/echo", EchoView.as_view()), route("api/lenient", LenientEchoView.as_view())]
pytestmark = pytest.mark.urls(__name__)


def post(client: Client, data: Any, content_type: str = "application/json", path: str = "/api/echo") -> tuple[int, Any]:
    response = client.generic("POST", path, data, content_type=content_type)
    return response.status_code, response.json()


def code(client: Client, data: Any, content_type: str = "application/json") -> tuple[int, str]:
    status, body = post(client, data, content_type)
    return status, body["error"]["code"]


def test_an_object_arrives_whole(client: Client) -> None:
    assert post(client, b'{"a": [1, "x"]}') == (200, {"got": {"a": [1, "x"]}})


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8"])
def test_utf8_may_be_stated(charset: str, client: Client) -> None:
    assert post(client, '{"a": "é"}'.encode(), f"application/json; charset={charset}")[0] == 200


@pytest.mark.parametrize("charset", ["zlib", "bz2", "rot13", "hex", "latin-1", "utf-16", "utf-7", ""])
def test_any_other_charset_is_refused(charset: str, client: Client) -> None:
    assert code(client, b"{}", f"application/json; charset={charset}") == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/vnd.api+pickle",
        "application/xml",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/msgpack",
    ],
)
def test_any_other_kind_of_body_is_refused(content_type: str, client: Client) -> None:
    status, body = post(client, b'{"a": 1}', content_type)
    assert (status, body["error"]["code"]) == (415, "unsupported_media_type")
    assert "Send it as application/json." in body["error"]["message"]
    assert body["error"]["details"] == {"accepted": ["application/json"]}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"{", (400, "json")),
        (b"[1]", (400, "object_required")),
        (b"null", (400, "object_required")),
        (b"", (400, "object_required")),
        (b'{"a":1,"a":1}', (400, "duplicate_key")),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", (400, "json_depth")),
        (b'{"a":NaN}', (400, "json")),
        (b'{"a":1e309}', (422, "non_finite")),
        (b'{"a":"\\ud800"}', (422, "text")),
        (b'{"a":"\xff"}', (400, "json")),
    ],
)
def test_what_is_refused_has_its_status_and_code(data: bytes, expected: tuple[int, str], client: Client) -> None:
    assert code(client, data) == expected


def test_an_empty_body_is_an_empty_object_where_the_view_allows_it(client: Client) -> None:
    assert post(client, b"", path="/api/lenient") == (200, {"got": {}})


def test_a_body_of_unstated_length_is_refused(client: Client) -> None:
    response = client.generic("POST", "/api/lenient", b"", headers={"transfer-encoding": "chunked"})
    assert (response.status_code, response.json()["error"]["code"]) == (411, "length_required")


def test_a_body_at_the_limit_is_read_and_one_byte_more_is_not(client: Client, settings: Any) -> None:
    data = b'{"a": "xxxxxxxxxxxxxxxxxxxx"}'
    settings.MAX_BODY_BYTES = len(data)
    assert post(client, data)[0] == 200
    status, body = post(client, data + b" ")
    assert (status, body["error"]["code"]) == (413, "body_too_large")
    assert body["error"]["details"] == {"limit_bytes": len(data)}


def test_a_body_that_lies_about_its_length_is_cut_at_the_limit(settings: Any) -> None:
    settings.MAX_BODY_BYTES = 10

    class Counting(BytesIO):
        taken = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            Counting.taken += len(data)
            return data

    with pytest.raises(BodyTooLarge):
        StrictJSONParser().parse(Counting(b" " * 1_000_000), "application/json", None)
    assert Counting.taken == 11


def test_a_declared_length_over_the_limit_is_refused_without_reading(settings: Any) -> None:
    settings.MAX_BODY_BYTES = 10
    request = RequestFactory().post("/", b"x", content_type="application/json")
    request.META["CONTENT_LENGTH"] = "11"
    stream = BytesIO(b"{}")
    with pytest.raises(BodyTooLarge):
        StrictJSONParser().parse(stream, "application/json", {"request": request})
    assert stream.tell() == 0


def test_the_parser_is_the_plain_reader(settings: Any) -> None:
    with pytest.raises(BodyMalformed):
        StrictJSONParser().parse(BytesIO(b"["), "application/json")
    with pytest.raises(UnsupportedMediaType):
        StrictJSONParser().parse(BytesIO(b"{}"), "application/json;charset=latin-1")
    assert StrictJSONParser().parse(BytesIO(b'{"a":1}')) == loads(b'{"a":1}')


def test_answers_hold_what_views_return() -> None:
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    key = uuid.UUID(int=7)
    data = {
        "nan": float("nan"),
        "inf": float("-inf"),
        "at": moment,
        "id": key,
        "lazy": lazystr("text"),
        "set": {1},
        "price": Decimal("1.10"),
        "é": "é",
    }
    assert orjson.loads(FastJSONRenderer().render(data)) == {
        "nan": None,
        "inf": None,
        "at": "2026-01-02T03:04:05+00:00",
        "id": str(key),
        "lazy": "text",
        "set": [1],
        "price": "1.10",
        "é": "é",
    }


def test_no_data_is_no_body() -> None:
    assert FastJSONRenderer().render(None) == b""
