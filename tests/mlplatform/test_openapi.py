"""The published schema tells of refusals, limits and pages, for every call alike."""

from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

ENVELOPE = {"$ref": "#/components/schemas/ErrorEnvelope"}


@pytest.fixture(scope="module")
def paths() -> dict[str, Any]:
    return dict(SchemaGenerator().get_schema(request=None, public=True)["paths"])


def operations(paths: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, verb, told) for path, calls in paths.items() for verb, told in calls.items()]


def test_every_call_documents_its_refusals_in_the_envelope(paths: dict[str, Any]) -> None:
    for path, verb, told in operations(paths):
        responses = told["responses"]
        needed = {"400", "401", "403", "406", "422", "429", "503"}
        needed |= {"404"} if "{" in path else set()
        needed |= {"409", "411", "413", "415"} if verb != "get" else set()
        assert needed <= set(responses), (verb, path)
        for status in needed:
            assert responses[status]["content"]["application/json"]["schema"] == ENVELOPE, (verb, path, status)


def test_every_answer_documents_the_limit_and_the_requests_id(paths: dict[str, Any]) -> None:
    for path, verb, told in operations(paths):
        for status, answer in told["responses"].items():
            assert {"X-Request-ID", "RateLimit-Remaining"} <= set(answer["headers"]), (verb, path, status)


def test_lists_come_in_pages(paths: dict[str, Any]) -> None:
    for path in ("/api/v1/models", "/api/v1/api-keys", "/api/v1/predictions", "/api/v1/models/{ref}/versions"):
        told = paths[path]["get"]
        schema = told["responses"]["200"]["content"]["application/json"]["schema"]
        assert schema["$ref"].rsplit("/", 1)[1].startswith("Paginated")
        assert {"page", "page_size"} <= {parameter["name"] for parameter in told["parameters"]}
        assert "404" in told["responses"]


def test_a_prediction_is_answered_with_200(paths: dict[str, Any]) -> None:
    assert "200" in paths["/api/v1/predict/{ref}"]["post"]["responses"]
    assert "201" not in paths["/api/v1/predict/{ref}"]["post"]["responses"]
