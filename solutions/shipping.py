"""Trained models that a solution's folder ships, so that a demo needs neither their training nor its libraries.

`manage.py train SOLUTION --ship` writes them: one file for each model, and `shipped.json` with what speaks for it.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from solutions.figures import Figure
from solutions.trained import TrainedModel

FACTS = "shipped.json"
_FILES = frozenset({"artifact", "light"})


def write(folder: Path, trained: list[TrainedModel]) -> None:
    """Replace what the folder ships. A model that has a light form is shipped in it."""
    folder.mkdir(parents=True, exist_ok=True)
    told = []
    for one in trained:
        filename = f"{one.name}.onnx" if one.light else one.filename or f"{one.name}.joblib"
        shipped = replace(one, artifact=one.light or one.artifact, filename=filename)
        (folder / shipped.filename).write_bytes(shipped.artifact)
        told.append({name: value for name, value in asdict(shipped).items() if name not in _FILES})
    (folder / FACTS).write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n")


def read(folder: Path) -> list[TrainedModel]:
    """What the folder ships, as its training yielded it."""
    told: list[dict[str, Any]] = json.loads((folder / FACTS).read_text())
    return [
        TrainedModel(
            **{
                **one,
                "artifact": (folder / one["filename"]).read_bytes(),
                "figures": tuple(Figure(**figure) for figure in one["figures"]),
            }
        )
        for one in told
    ]
