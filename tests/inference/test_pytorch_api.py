"""PyTorch programs over the API, from the upload to a prediction that equals the program's own answer."""

import io
import json
import math

import pytest

from accounts import services as accounts_services
from inference import jobs
from inference.validation import sandbox
from registry import services
from registry.models import ModelVersion, Status

torch = pytest.importorskip("torch", reason="PyTorch is not installed (the `torch` extra)")
from tests import programs  # noqa: E402

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("kept_verdicts"),
    pytest.mark.skipif(not all(sandbox.layers().values()), reason="this kernel lacks a layer of the sandbox"),
]
IMAGE = [[[((x * y + c) % 7) / 7 for x in range(12)] for y in range(12)] for c in range(3)]
PARAMETERS = [0.5, 1.0, 0.0, 0.25, 4.0, 30.0, 0.1, 0.9]


@pytest.fixture
def key(ada):
    scopes = ["predict", "read", "upload", "activate"]
    return accounts_services.create_key(by=ada, owner=ada, name="tests", scopes=scopes)[1]


@pytest.fixture
def call(client, key):
    """POSTs JSON, or a form where there is a file; returns (status, body)."""

    def call(path, body):
        form = body if "file" in body else json.dumps(body)
        options = {} if "file" in body else {"content_type": "application/json"}
        response = client.post(f"/api/v1/{path}", form, headers={"X-API-Key": key}, **options)
        return response.status_code, response.json()

    return call


def upload(call, content, **fields):
    file = io.BytesIO(content)
    file.name = "quality_predictor.torchscript"
    status, body = call("models/upload", {"file": file, "name": "quality", **fields})
    assert status == 202, body
    jobs.validate_next()
    return ModelVersion.objects.get()


@pytest.mark.parametrize(
    "kind",
    [pytest.param("scripted", marks=pytest.mark.slow), "traced", pytest.param("exported", marks=pytest.mark.slow)],
)
def test_an_image_with_parameters_is_answered_as_the_program_does(call, ada, kind):
    quality = programs.made(programs.Quality())
    inputs = [] if kind == "scripted" else [torch.zeros(2, 3, 12, 12), torch.zeros(2, 8)]
    sample = json.dumps([{"image": IMAGE, "parameters": PARAMETERS}])
    version = upload(call, getattr(programs, kind)(quality, *inputs), **({} if inputs else {"sample": sample}))
    assert (version.status, version.runtime) == (Status.READY, "onnx"), version.failure
    assert version.format == ("torch_export" if kind == "exported" else "torchscript")
    services.activate(version=version, by=ada)
    wanted = programs.answers(quality, [IMAGE], [PARAMETERS])[0][0]
    row = {"image": IMAGE, "parameters": PARAMETERS}
    for data in ({"instances": [row, row]}, {"inputs": {name: [row[name]] * 2 for name in row}}):
        status, body = call("predict/quality", data)
        assert status == 200, body
        assert body["predictions"] == pytest.approx([wanted, wanted], abs=1e-6)
    status, body = call("predict/quality", {"instances": [{"image": IMAGE, "parameters": PARAMETERS[:3]}]})
    assert (status, body["error"]["details"]["path"]) == (422, "instances[0].parameters")


@pytest.mark.slow
def test_a_trusted_program_that_cannot_be_compiled_is_served_by_pytorch(call, ada, root):
    version = upload(call, programs.scripted(programs.Exotic().eval()), sample="[[1.0, 2.0], [-1.0, 0.5]]")
    assert (version.status, version.failure["code"]) == (Status.FAILED, "not_compilable")
    services.trust(version=version, by=root)
    jobs.validate_next()
    version = ModelVersion.objects.get()
    assert (version.status, version.runtime) == (Status.READY, "torchscript"), version.failure
    services.activate(version=version, by=ada)
    status, body = call("predict/quality", {"instances": [[0.0, 0.0], [1.0, 0.0]]})
    assert (status, body["predictions"]) == (200, pytest.approx([2.0, 1 + math.e]))


def test_weights_alone_are_refused_at_the_door(client, key):
    file = io.BytesIO(programs.saved(programs.made(programs.Network()).state_dict()))
    file.name = "weights.pt"
    response = client.post("/api/v1/models/upload", {"file": file, "name": "w"}, headers={"X-API-Key": key})
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "not_torchscript"
    assert "weights only" in response.json()["error"]["message"]
    assert not ModelVersion.objects.exists()
