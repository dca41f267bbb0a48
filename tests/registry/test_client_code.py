"""The calls that pages offer to copy."""

import json
import shlex
import sys
from typing import Any

import pytest

from registry import client_code
from registry.models import ModelVersion, RegisteredModel


def version(**facts: Any) -> ModelVersion:
    model = RegisteredModel(pk=1, name="toy")
    return ModelVersion(model=model, number=3, size_bytes=10, **facts)


def signature(*inputs: tuple[str, str, list[int]], handler: str = "tabular") -> dict[str, Any]:
    return {"handler": handler, "inputs": [{"name": n, "dtype": d, "shape": s} for n, d, s in inputs]}


def command_for(chosen: ModelVersion) -> str:
    return client_code.curl("toy", client_code.example_call(chosen), origin="http://x")


def body_of(command: str) -> Any:
    return json.loads(shlex.split(command.replace("\\\n", ""))[-1])


def test_a_live_version_is_called_by_its_models_name_and_another_one_by_its_number() -> None:
    chosen = version(sample=[[1, 2]])
    assert client_code.reference_to(chosen.model, chosen, is_live=True) == "toy"
    assert client_code.reference_to(chosen.model, chosen, is_live=False) == "toy:3"
    assert "https://x.example/api/v1/predict/toy:3 " in client_code.curl("toy:3", [[1]], origin="https://x.example")


@pytest.mark.parametrize(
    "row",
    [
        ["it's"],
        ["'; rm -rf / #"],
        ["$(id) `id` \\"],
        {"naïve": "汉字 \" ' "},
        "line\nbreak",
        [1.5, None, True],
    ],
)
def test_the_command_can_be_pasted_whatever_the_row_holds(row: Any) -> None:
    chosen = version(sample=[row])
    command = command_for(chosen)
    assert body_of(command) == {"instances": [row]}


def test_a_long_named_row_is_written_in_the_order_of_the_signature() -> None:
    names = [f"c{number}" for number in range(20)]
    chosen = version(
        sample=[{name: at for at, name in enumerate(reversed(names))}],
        signature=signature(*[(name, "float64", [-1]) for name in names]),
    )
    command = command_for(chosen)
    assert body_of(command) == {"instances": [list(range(19, -1, -1))]}


def test_an_enormous_row_is_left_to_the_reader() -> None:
    chosen = version(sample=[[0.123456] * 1000])
    assert "[…]" in command_for(chosen)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (signature(("feature_0", "float32", [-1]), ("feature_1", "int64", [-1])), [0.5, 1]),
        (signature(("age", "float64", [-1]), ("city", "string", [-1])), {"age": 0.5, "city": "text"}),
        (signature(("text", "string", [-1]), handler="text"), "a text"),
        (signature(("image", "float32", [-1, 2, -1, 2]), handler="tensor"), [[[0.5, 0.5]], [[0.5, 0.5]]]),
    ],
)
def test_a_row_is_made_up_from_the_signature_when_there_is_no_sample(shape: Any, expected: Any) -> None:
    assert client_code.example_row(version(signature=shape)) == expected


@pytest.mark.parametrize("rows", [[[1.5, None, True]], [{"naïve": "汉字 \" ' \n\\"}], ["it's"], [[0.1] * 200]])
def test_the_program_sends_the_rows_whatever_they_hold(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, Any] = {}

    class Answer:
        raise_for_status = staticmethod(lambda: None)
        json = staticmethod(lambda: {"predictions": ["yes"]})

    class Requests:
        @staticmethod
        def post(address: str, **options: Any) -> Answer:
            sent.update(options, address=address)
            return Answer()

    monkeypatch.setenv("API_KEY", "secret")
    monkeypatch.setitem(sys.modules, "requests", Requests)
    exec(client_code.python("toy:3", rows, origin="http://x"), {})
    assert sent["json"] == {"instances": rows}
    assert sent["headers"] == {"X-API-Key": "secret"}
    assert sent["address"] == "http://x/api/v1/predict/toy:3"
