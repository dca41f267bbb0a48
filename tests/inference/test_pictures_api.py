"""Models that take pictures, from the upload with a sample of pictures to predictions and their records."""

import base64
import io
import json
from typing import Any

import pytest
from onnx import TensorProto, helper
from PIL import Image

from accounts import services as accounts_services
from inference import jobs
from monitoring import spool
from registry import services
from registry.models import ModelVersion, Status
from tests.inference.test_several_inputs import graph

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("kept_verdicts")]


def picture(colour: tuple[int, int, int], size: int = 2) -> str:
    file = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def colours(classes: Any = ("red", "green", "blue")) -> bytes:
    """Which channel is the strongest: the softmax of each channel's mean."""
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3])
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["means"], keepdims=0),
        helper.make_node("Softmax", ["means"], ["shares"], axis=1),
    ]
    made = helper.make_model(
        helper.make_graph(
            nodes,
            "colours",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [None, 3, 2, 2])],
            [helper.make_tensor_value_info("shares", TensorProto.FLOAT, [None, 3])],
            [axes],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    made.metadata_props.add(key="classes", value=classes if isinstance(classes, str) else json.dumps(classes))
    return bytes(made.SerializeToString())


def validated(ada: Any, content: bytes, **facts: Any) -> ModelVersion:
    services.upload_version(by=ada, name="seen", file=io.BytesIO(content), **facts)
    jobs.validate_next()
    return ModelVersion.objects.get()


@pytest.fixture
def ask(client: Any, ada: Any) -> Any:
    key = accounts_services.create_key(by=ada, owner=ada, name="tests", scopes=["predict", "read"])[1]

    def ask(rows: list[Any]) -> tuple[int, Any]:
        body = json.dumps({"instances": rows})
        answer = client.post("/api/v1/predict/seen", body, content_type="application/json", headers={"X-API-Key": key})
        return answer.status_code, answer.json()

    return ask


def test_a_picture_and_numbers_go_in_together_and_the_golden_rows_are_pictures(ada: Any, ask: Any) -> None:
    row = {"image": picture((255, 255, 255)), "vector": [1.0, 2.0, 3.0]}
    content = graph([None, 3, 2, 2], [None, 3])
    version = validated(ada, content, sample=[row], expected=[7.0])
    assert version.status == Status.READY, version.failure
    assert version.golden["instances"][0] == row
    services.activate(version=version, by=ada)

    assert ask([row, {**row, "image": picture((0, 0, 0))}])[1]["predictions"] == [7.0, 6.0]


def test_classes_in_the_metadata_are_the_labels(ada: Any, ask: Any) -> None:
    sample = [picture((255, 0, 0)), picture((0, 0, 255))]
    version = validated(ada, colours(), sample=sample, expected=["red", "blue"])
    assert version.status == Status.READY, version.failure
    services.activate(version=version, by=ada)

    told = ask([picture((0, 200, 0), size=50)])[1]
    assert told["predictions"] == ["green"]
    assert told["classes"] == ["red", "green", "blue"]


@pytest.mark.parametrize("classes", ["red,green", '{"a": 1}', '["a", "a", "b"]', "[1.5, 2, 3]", "[[1], 2, 3]"])
def test_classes_that_are_no_list_of_labels_fail_the_version(ada: Any, classes: str) -> None:
    version = validated(ada, colours(classes))

    assert (version.status, version.failure["code"]) == (Status.FAILED, "schema_mismatch")


def test_a_hostile_picture_is_refused_and_recorded(ada: Any, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from inference.handlers import picture_limits

    version = validated(ada, colours(), sample=[picture((255, 0, 0))])
    services.activate(version=version, by=ada)
    written: list[dict[str, Any]] = []
    monkeypatch.setattr(spool, "append", lambda record, **facts: written.append(record))

    status, body = ask([picture((0, 0, 0)), "not base64 at all!"])
    assert (status, body["error"]["code"]) == (422, "image_base64")
    assert body["error"]["details"]["path"] == "instances[1]"
    monkeypatch.setattr(picture_limits, "max_pixels", 3)
    status, body = ask([picture((0, 0, 0))])
    assert (status, body["error"]["code"]) == (413, "image_too_large")
    assert [(one["outcome"], one["status_code"]) for one in written] == [("invalid", 422), ("invalid", 413)]
