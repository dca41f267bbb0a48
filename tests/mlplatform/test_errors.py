"""The one table from errors to answers."""

import errno
import logging
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, ValidationError
from django.db import IntegrityError, OperationalError
from django.http import Http404
from django.test import Client
from rest_framework import exceptions as drf
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import errors as accounts_errors
from accounts.routing import route
from inference import errors as inference_errors
from mlplatform import errors
from registry import errors as registry_errors

RAISED: list[Exception] = []


class FailingView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        raise RAISED[-1]


urlpatterns = [route("api/fail", FailingView.as_view())]
pytestmark = pytest.mark.urls(__name__)


def told(client: Client, error: Exception) -> Any:
    RAISED.append(error)
    return client.get("/api/fail", headers={"x-request-id": "r-1"})


@pytest.mark.parametrize(
    ("error", "status", "code", "details"),
    [
        (
            accounts_errors.ScopeMissing("m", details={"scope": "read"}),
            403,
            "scope_missing",
            {"scope": "read"},
        ),
        (registry_errors.ModelNotFound("m"), 404, "not_found", {}),
        (registry_errors.NoActiveVersion("m"), 409, "no_active_version", {}),
        (registry_errors.NameTaken("m", field="name"), 409, "name_taken", {"field": "name"}),
        (registry_errors.ArtifactInvalid("m", code="empty", field="file"), 422, "empty", {"field": "file"}),
        (registry_errors.ArtifactTooLarge("m", limit_bytes=5), 413, "artifact_too_large", {"limit_bytes": 5}),
        (registry_errors.Forbidden("m"), 403, "forbidden", {}),
        (
            inference_errors.InputInvalid("wrong_type", "m", path="instances[3].age", row=3, column="age"),
            422,
            "wrong_type",
            {"path": "instances[3].age", "row": 3, "column": "age"},
        ),
        (inference_errors.InputInvalid("empty_batch", "m", row=0), 422, "empty_batch", {"row": 0}),
        (drf.NotFound("m", code="page_not_found"), 404, "page_not_found", {}),
        (drf.MethodNotAllowed("GET"), 405, "method_not_allowed", {}),
        (drf.ParseError("m"), 400, "bad_request", {}),
        (drf.PermissionDenied("m"), 403, "forbidden", {}),
        (drf.UnsupportedMediaType("x"), 415, "unsupported_media_type", {"accepted": ["application/json"]}),
        (Http404("secret path"), 404, "not_found", {}),
        (PermissionDenied("why"), 403, "forbidden", {}),
        (RequestDataTooBig("m"), 413, "body_too_large", {}),
        (SuspiciousOperation("m"), 400, "bad_request", {}),
    ],
)
def test_an_error_is_told_with_its_status_code_and_details(
    error: Exception, status: int, code: str, details: dict[str, Any], client: Client
) -> None:
    response = told(client, error)
    body = response.json()["error"]
    assert (response.status_code, body["code"], body["details"]) == (status, code, details)
    assert set(response.json()) == {"error"}
    assert set(body) == {"code", "message", "details", "request_id"}
    assert body["request_id"] == response.headers["X-Request-ID"] == "r-1"
    assert body["message"]


def test_a_subclass_is_answered_as_its_nearest_listed_class() -> None:
    class StillTaken(registry_errors.NameTaken):
        pass

    assert errors.rule_for(StillTaken("m")) is errors.TABLE[registry_errors.NameTaken]


def test_every_domain_error_has_its_line() -> None:
    bases = {accounts_errors.AccountsError, registry_errors.RegistryError, inference_errors.ValidationFailed}
    for module in (accounts_errors, registry_errors, inference_errors):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Exception) and value not in bases:
                assert any(kind in errors.TABLE for kind in value.__mro__), f"{value.__name__} has no line"


@pytest.mark.parametrize(
    "error", [RuntimeError("/srv/secret"), IntegrityError("psycopg table"), KeyError("x"), RecursionError()]
)
def test_what_is_ours_tells_nothing_and_is_logged_under_the_request(
    error: Exception, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="mlplatform.errors"):
        response = told(client, error)
    body = response.json()["error"]
    assert (response.status_code, body["code"], body["details"]) == (500, "internal_error", {})
    assert body["message"] == "Something went wrong on our side."
    record = next(record for record in caplog.records if record.name == "mlplatform.errors")
    assert "r-1" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_the_failure_of_a_model_hides_the_runtimes_words(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    response = told(client, inference_errors.ModelExecutionFailed("/opt/model.onnx: Traceback"))
    assert response.json()["error"]["code"] == "model_failed"
    assert "Traceback" not in response.content.decode()
    assert "Traceback" in caplog.text


def test_a_silent_database_is_503_and_says_when_to_come_back(client: Client) -> None:
    response = told(client, OperationalError("could not connect to 10.0.0.7"))
    assert (response.status_code, response.json()["error"]["code"]) == (503, "database_unavailable")
    assert int(response.headers["Retry-After"]) >= 1
    assert "10.0.0.7" not in response.content.decode()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_507_and_names_no_path(number: int) -> None:
    answer = errors.answer_to(OSError(number, "No space left on device", "/secret/place"))
    assert (answer.status, answer.code) == (507, "storage_full")
    assert "secret" not in answer.message


def test_too_many_requests_say_when_to_come_back(client: Client) -> None:
    response = told(client, drf.Throttled(wait=7.0))
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")


def test_a_missing_credential_is_challenged_also_without_authenticators(client: Client) -> None:
    response = told(client, accounts_errors.CredentialInvalid("m", code="invalid_credentials"))
    assert response.status_code == 401
    assert "Bearer" in response.headers["WWW-Authenticate"]


def test_wrong_values_are_told_by_field(client: Client) -> None:
    detail = {
        "a": ["x"],
        "b": {"c": [drf.ErrorDetail("y", code="required")]},
        "d": [{}, {"e": ["z"]}],
        "non_field_errors": ["w"],
    }
    response = told(client, drf.ValidationError(detail))
    assert response.status_code == 422
    assert response.json()["error"]["details"]["fields"] == {
        "a": [{"code": "invalid", "message": "x"}],
        "b.c": [{"code": "required", "message": "y"}],
        "d[1].e": [{"code": "invalid", "message": "z"}],
        "body": [{"code": "invalid", "message": "w"}],
    }


def test_validation_errors_of_django_are_told_the_same_way(client: Client) -> None:
    response = told(client, ValidationError({"name": ValidationError("taken", code="unique"), "__all__": ["no"]}))
    assert response.status_code == 422
    assert response.json()["error"]["details"]["fields"] == {
        "name": [{"code": "unique", "message": "taken"}],
        "body": [{"code": "invalid", "message": "no"}],
    }
    assert told(client, ValidationError("odd")).json()["error"]["details"]["fields"]["body"][0]["message"] == "odd"
