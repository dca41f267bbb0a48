"""Lists cost the same number of queries however long they are."""

import json

import pytest
from django.test.utils import CaptureQueriesContext

from accounts import services as accounts_services
from accounts.credential_cache import remembered
from registry import services
from registry.models import Deployment, ModelVersion, RegisteredModel
from tests import toys

pytestmark = pytest.mark.django_db

LISTS = [
    "models?page_size=200",
    "models?status=active",
    "models?status=damaged",
    "models?tag=t",
    "models?search=o&ordering=-updated_at",
    "models/oracle",
    "models/oracle/versions?page_size=200",
    "models/oracle/versions?status=active",
    "models/oracle/versions?tag=t",
    "models/oracle/versions/1",
    "models/oracle/versions/1/report",
    "models/oracle/history?page_size=200",
]


def multiply(version, by, count=60):
    """More models, versions and ledger entries like this one."""
    facts = {"created_by": by, "format": "onnx", "sha256": "0" * 64, "size_bytes": 1, "status": "ready",
             "runtime": "onnx", "signature": toys.ORACLE_SIGNATURE, "tags": ["t"]}  # fmt: skip
    models = RegisteredModel.objects.bulk_create(
        RegisteredModel(name=f"other{index}", owner=by, tags=["t"]) for index in range(count)
    )
    ModelVersion.objects.bulk_create(
        ModelVersion(model=version.model, number=number, artifact="x", **facts) for number in range(2, count)
    )
    others = ModelVersion.objects.bulk_create(
        ModelVersion(model=model, number=1, artifact="x", **facts) for model in models
    )
    at = version.created_at
    Deployment.objects.bulk_create(
        Deployment(model=other.model, version=other, action="activate", by=by, activated_at=at) for other in others
    )
    Deployment.objects.bulk_create(
        Deployment(model=version.model, version=version, action="activate", by=by, activated_at=at, closed_at=at)
        for _ in range(count)
    )


@pytest.mark.parametrize("path", LISTS)
def test_a_list_takes_as_many_queries_for_one_row_as_for_many(ada, client, served_version, path):
    from django.db import connection

    version = services.describe_version(version=served_version(), by=ada, tags=["t"])
    services.change_model(model=version.model, by=ada, tags=["t"])
    services.activate(version=version, by=ada)
    key = accounts_services.create_key(by=ada, owner=ada, name="k", scopes=["read"])[1]

    def ask():
        remembered.clear()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.get(f"/api/v1/{path}", headers={"X-API-Key": key})
        assert answer.status_code == 200
        return len(queries), json.loads(answer.content)

    ask()
    few, _ = ask()
    multiply(version, ada)
    many, body = ask()
    assert many == few
    assert "results" not in body or path.endswith("damaged") or len(body["results"]) >= 1
