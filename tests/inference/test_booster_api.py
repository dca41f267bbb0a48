"""Booster and skops files over the API, from the upload to a prediction that equals the library's own answer."""

import io
import json

import numpy as np
import pytest

from accounts import services as accounts_services
from inference import jobs
from inference.validation import sandbox
from registry import services
from registry.models import ModelVersion, Status
from tests.inference.validation import boosters

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("kept_verdicts"),
    pytest.mark.skipif(not all(sandbox.layers().values()), reason="this kernel lacks a layer of the sandbox"),
]
ROWS = [[0.5, -1.0, 2.0, 0.0], [None, 0.25, None, 1.0]]


@pytest.fixture
def call(client, ada):
    """POSTs JSON, or a form where there is a file; returns (status, body)."""
    scopes = ["predict", "read", "upload", "activate"]
    key = accounts_services.create_key(by=ada, owner=ada, name="tests", scopes=scopes)[1]

    def call(path, body):
        form = body if "file" in body else json.dumps(body)
        options = {} if "file" in body else {"content_type": "application/json"}
        response = client.post(f"/api/v1/{path}", form, headers={"X-API-Key": key}, **options)
        return response.status_code, response.json()

    return call


def served(call, ada, content, format):
    """Uploads under a name that tells nothing, waits, makes it live."""
    file = io.BytesIO(content)
    file.name = "model.onnx"
    status, body = call("models/upload", {"file": file, "name": "booster"})
    assert status == 202, body
    jobs.validate_next()
    version = ModelVersion.objects.get()
    assert (version.status, version.runtime, version.format) == (Status.READY, "onnx", format), version.failure
    services.activate(version=version, by=ada)
    return version


def test_a_lightgbm_file_answers_rows_with_gaps_as_the_library_does(call, ada):
    library = pytest.importorskip("lightgbm")
    content = boosters.lightgbm("binary", boosters.TWO)
    version = served(call, ada, content, "lightgbm")
    assert version.library_versions["lightgbm"] == library.__version__
    wanted = library.Booster(model_str=content.decode()).predict(np.array(ROWS, dtype=float))
    status, body = call("predict/booster", {"instances": ROWS})
    assert status == 200, body
    assert [scores[1] for scores in body["probabilities"]] == pytest.approx(wanted, abs=1e-6)
    assert body["predictions"] == (wanted > 0.5).astype(int).tolist()


def test_an_xgboost_file_is_asked_by_the_names_of_its_columns(call, ada):
    library = pytest.importorskip("xgboost")
    names = ["age", "income", "balance", "tenure"]
    content = boosters.xgboost("reg:squarederror", boosters.VALUES, form="ubj", names=names)
    served(call, ada, content, "xgboost")
    booster = library.Booster(model_file=bytearray(content))
    wanted = booster.predict(library.DMatrix(np.array(ROWS, dtype=float), feature_names=names))
    status, body = call("predict/booster", {"instances": [dict(zip(names, row, strict=True)) for row in ROWS]})
    assert status == 200, body
    assert body["predictions"] == pytest.approx(wanted.tolist(), rel=1e-5)
    status, body = call("predict/booster", {"instances": [{"age": 1.0}]})
    assert status == 422, body
