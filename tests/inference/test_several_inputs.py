"""ONNX graphs with several inputs, from the upload to predictions."""

import io
import json
from typing import Any

import pytest
from onnx import TensorProto, helper

from accounts import services as accounts_services
from inference import jobs
from registry import services
from registry.models import ModelVersion, Status

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("kept_verdicts")]


def graph(image: list[Any], vector: list[Any]) -> bytes:
    """mean(image) + sum(vector), for each row."""
    axes = helper.make_tensor("axes", TensorProto.INT64, [len(image) - 1], list(range(1, len(image))))
    last = helper.make_tensor("last", TensorProto.INT64, [1], [1])
    flat = helper.make_tensor("flat", TensorProto.INT64, [2], [-1, 1])
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["seen"], keepdims=1),
        helper.make_node("Reshape", ["seen", "flat"], ["mean"]),
        helper.make_node("ReduceSum", ["vector", "last"], ["sum"], keepdims=1),
        helper.make_node("Add", ["mean", "sum"], ["quality"]),
    ]
    inputs = [
        helper.make_tensor_value_info("image", TensorProto.FLOAT, image),
        helper.make_tensor_value_info("vector", TensorProto.FLOAT, vector),
    ]
    output = helper.make_tensor_value_info("quality", TensorProto.FLOAT, [None, 1])
    made = helper.make_model(
        helper.make_graph(nodes, "two", inputs, [output], [axes, last, flat]),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    return bytes(made.SerializeToString())


@pytest.fixture
def call(client, ada):
    scopes = ["predict", "read", "upload", "activate"]
    key = accounts_services.create_key(by=ada, owner=ada, name="tests", scopes=scopes)[1]

    def call(path, body):
        options = {} if "file" in body else {"content_type": "application/json"}
        sent = body if "file" in body else json.dumps(body)
        response = client.post(f"/api/v1/{path}", sent, headers={"X-API-Key": key}, **options)
        return response.status_code, response.json()

    return call


def served(call, ada, content, sample, **fields):
    file = io.BytesIO(content)
    file.name = "two.onnx"
    body = {"file": file, "name": "two", "sample": json.dumps(sample), **fields}
    assert call("models/upload", body)[0] == 202
    jobs.validate_next()
    version = ModelVersion.objects.get()
    assert version.status == Status.READY, version.failure
    services.activate(version=version, by=ada)
    return version


def test_an_image_and_a_vector_go_in_together(call, ada):
    row = {"image": [[[0.0, 0.5], [0.5, 1.0]]], "vector": [1.0, 2.0, 3.0]}
    content = graph([None, 1, 2, 2], [None, 3])
    version = served(call, ada, content, [row, row], expected=json.dumps([6.5, 6.5]))
    assert version.signature["handler"] == "tensor"
    assert version.golden["instances"][0] == row
    assert call("predict/two", {"instances": [row]})[1]["predictions"] == [6.5]
    columns = {name: [row[name], row[name]] for name in row}
    assert call("predict/two", {"inputs": columns})[1]["predictions"] == [6.5, 6.5]
    for wrong, code in (({"image": row["image"]}, "missing_column"), ({**row, "vector": [1.0]}, "wrong_width")):
        status, body = call("predict/two", {"instances": [wrong]})
        assert (status, body["error"]["code"]) == (422, code)


def test_two_vectors_are_columns_unless_the_sample_names_the_inputs(call, ada):
    content = graph([None, 2], [None, 3])
    by_input = {"image": [1.0, 3.0], "vector": [1.0, 2.0, 3.0]}
    version = served(call, ada, content, [by_input])
    assert version.signature["handler"] == "tensor"
    assert call("predict/two", {"instances": [by_input]})[1]["predictions"] == [8.0]


def test_two_vectors_are_columns(call, ada):
    version = served(call, ada, graph([None, 2], [None, 3]), [[1.0, 3.0, 1.0, 2.0, 3.0]])
    assert version.signature["handler"] == "tabular"
    assert [column["name"] for column in version.signature["inputs"]][:3] == ["image_0", "image_1", "vector_0"]
    assert call("predict/two", {"instances": [[1.0, 3.0, 1.0, 2.0, 3.0]]})[1]["predictions"] == [8.0]


@pytest.mark.slow
def test_images_of_the_usual_size_are_validated_with_fewer_golden_rows(call, ada):
    image = [[[0.5] * 224] * 224] * 3
    row = {"image": image, "vector": [1.0]}
    version = served(call, ada, graph([None, 3, 224, 224], [None, 1]), [row])
    assert 1 <= len(version.golden["instances"]) < 8
    assert call("predict/two", {"instances": [row]})[1]["predictions"] == [1.5]
