"""The calls a client would make, as text to copy: for the shell and for Python."""

import json
import math
import pprint
from typing import Any

from registry.models import ModelVersion, RegisteredModel

_LONGEST_BODY = 1_500
_MOST_NAMED = 12
_EXAMPLES: dict[str, Any] = {"string": "text", "bool": True, "int64": 1}


def reference_to(model: RegisteredModel, version: ModelVersion, *, is_live: bool) -> str:
    """How clients name the version: by the model's name when it is live, else by `name:version`."""
    return model.name if is_live else f"{model.name}:{version.number}"


def example_call(version: ModelVersion) -> list[Any]:
    """The rows of a call that the version answers."""
    return [_shortened(example_row(version), version.signature or {})]


def curl(reference: str, rows: list[Any], *, origin: str) -> str:
    """A command that asks for predictions. Rows that would hide the command are left out."""
    text = json.dumps(rows, ensure_ascii=False)
    body = '{"instances": ' + (text if len(text) <= _LONGEST_BODY else "[…]") + "}"
    quoted = body.replace("'", "'\\''")
    return (
        f"curl -X POST {origin}/api/v1/predict/{reference} \\\n"
        '  -H "X-API-Key: $API_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{quoted}'"
    )


def python(reference: str, rows: list[Any], *, origin: str) -> str:
    """The same call from a Python program."""
    text = pprint.pformat(rows, width=88, compact=True, sort_dicts=False)
    shown = text if len(text) <= _LONGEST_BODY else "[...]  # your rows"
    return (
        "import os\n"
        "\n"
        "import requests\n"
        "\n"
        f"rows = {shown}\n"
        "answer = requests.post(\n"
        f"    {origin + '/api/v1/predict/' + reference!r},\n"
        '    headers={"X-API-Key": os.environ["API_KEY"]},\n'
        '    json={"instances": rows},\n'
        "    timeout=10,\n"
        ")\n"
        "answer.raise_for_status()\n"
        'print(answer.json()["predictions"])'
    )


def example_row(version: ModelVersion) -> Any:
    """A row the version accepts: of its sample, of its golden answers, or made up from the signature."""
    for rows in (version.sample, (version.golden or {}).get("instances")):
        if isinstance(rows, list) and rows:
            return rows[0]
    signature = version.signature or {}
    inputs = signature.get("inputs", [])
    if signature.get("handler") == "text":
        return "a text"
    cells = [_example_cell(entry) for entry in inputs]
    if signature.get("handler") == "tensor" and len(cells) == 1:
        return cells[0]
    return named(cells, [str(entry.get("name", "")) for entry in inputs])


def named(cells: list[Any], names: list[str]) -> Any:
    """The cells under their names, where the names mean something and are not too many to read."""
    has_real_names = not any(name.startswith("feature_") for name in names)
    return dict(zip(names, cells, strict=True)) if has_real_names and len(names) <= _MOST_NAMED else cells


def _shortened(row: Any, signature: dict[str, Any]) -> Any:
    """A row with many named cells as a list in the signature's order, which says the same in less space."""
    names = [entry.get("name") for entry in signature.get("inputs", [])]
    is_long = isinstance(row, dict) and len(row) > _MOST_NAMED
    return [row[name] for name in names] if is_long and set(row) == set(names) else row


def _example_cell(entry: dict[str, Any]) -> Any:
    choices = entry.get("one_of")
    cell = choices[0] if choices else _EXAMPLES.get(entry.get("dtype", ""), 0.5)
    sizes = [1 if size == -1 else size for size in entry.get("shape", [])[1:]]
    if math.prod(sizes) > _LONGEST_BODY:
        return "…"
    for size in reversed(sizes):
        cell = [cell] * size
    return cell
