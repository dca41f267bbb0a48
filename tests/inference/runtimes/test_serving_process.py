"""A serving process that serves compiled models holds no trainer and no compiler, from its start to its answers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import migrated
from tests.inference.runtimes.cases import CASES, HEAVY, ROOT, environment, made
from tests.toys import oracle

CHILD = Path(__file__).with_name("serving_child.py")
COMPILED = [case for case in CASES if case.imports <= {"onnxruntime"}]


@pytest.mark.parametrize("case", COMPILED, ids=lambda case: case.id)
def test_a_process_that_serves_compiled_models_imports_no_trainer(case, tmp_path):
    toy = made(case)
    golden = {
        "instances": toy.instances,
        "predictions": toy.predictions,
        "probabilities": toy.probabilities,
    }
    asked = {
        "runtime": case.runtime,
        "signature": toy.signature.to_dict(),
        "task": toy.signature.task,
        "handler": toy.signature.handler,
        "instances": toy.instances,
        "golden": golden,
        "heavy": sorted(HEAVY),
    }
    (tmp_path / "question").write_text(json.dumps(asked))
    (tmp_path / "uploaded").write_bytes(oracle(1.0))
    (tmp_path / "compiled").write_bytes(toy.artifact)
    migrated.copy_file_to(tmp_path / "db.sqlite3")
    surroundings = {
        **environment(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "REDIS_URL": "",
        "ENVIRONMENT": "development",
    }
    ran = subprocess.run(
        [
            sys.executable,
            str(CHILD),
            str(tmp_path / "question"),
            str(tmp_path / "uploaded"),
            str(tmp_path / "compiled"),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=surroundings,
    )
    assert ran.returncode == 0, ran.stderr
    said, imported = json.loads(ran.stdout.splitlines()[-1])
    assert said == toy.predictions
    assert set(imported) <= case.imports
