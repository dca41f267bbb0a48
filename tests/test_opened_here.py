"""What is opened in this process is judged as in the sandbox."""

from typing import Any

import pytest

from inference.errors import ValidationFailed
from inference.validation import Limits, sandbox
from tests import opened_here
from tests.inference.validation import graphs

MEASURED = {"load_ms", "memory_bytes"}


def asked(run: Any, tmp_path: Any, content: bytes) -> Any:
    (tmp_path / "artifact").write_bytes(content)
    request = dict.fromkeys(("runtime", "signature", "task", "handler", "sample", "rows", "gaps_from", "reference"))
    request |= {"runtime": "onnx", "format": "onnx", "trusted": False}
    told: list[Any] = []
    with (tmp_path / "artifact").open("rb") as file:
        reply = run(
            task="probe",
            artifact=file.fileno(),
            request=request,
            limits=Limits(),
            progress=lambda *step: told.append(step),
            require_layers=False,
        )
    return {name: said for name, said in reply.header.items() if name not in MEASURED}, reply.blobs, told


def test_a_good_file_is_told_of_alike(tmp_path: Any) -> None:
    content = graphs.linear(outputs=3, last="Softmax").SerializeToString()
    here = asked(opened_here.run, tmp_path, content)
    assert here == asked(sandbox.run, tmp_path, content)
    assert here[0]["signature"]


def test_a_bad_file_is_refused_alike(tmp_path: Any) -> None:
    said = []
    for run in (opened_here.run, sandbox.run):
        with pytest.raises(ValidationFailed) as caught:
            asked(run, tmp_path, b"PK\x03\x04" + bytes(50))
        said.append((caught.value.code, caught.value.message, caught.value.field))
    assert said[0] == said[1]
