"""Damaged copies of good files, through the whole validation: refused with a code, or served with the right answers.

`make test-hostile` runs MUTANTS of them (500), from MUTANTS_SEED (1); MUTANTS_OF=torch keeps to files of that name.
"""

import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from inference import handlers, runtimes
from inference.errors import ValidationFailed
from inference.handlers import Payload
from inference.signature import Signature
from inference.validation import FAILURE_CODES, Limits, ValidationResult, outputs, parity, sandbox, validate
from registry.errors import ArtifactInvalid
from registry.recognise import recognise
from tests.hostile.mutants import Mutant, good, mutants
from tests.inference.validation.test_sandbox import children

pytestmark = pytest.mark.skipif(not all(sandbox.layers().values()), reason="this kernel lacks a layer of the sandbox")

LIMITS = Limits(wall_seconds=60.0, cpu_seconds=30, memory_bytes=2 << 30)
# TorchScript doesn't tell the shape of its input.
SAMPLES = {"torchscript": [[0.5, 1.0, -1.0, 0.0], [1.0, 2.0, 3.0, 4.0]]}
AT_ONCE = 2


def outcome(content: bytes, path: Path) -> str:
    """What becomes of an upload; whatever is no verdict is raised."""
    path.write_bytes(content)
    try:
        format = recognise(path)
    except ArtifactInvalid as refusal:
        return f"door: {refusal.code}"
    try:
        result = validate(artifact=path, format=str(format), sample=SAMPLES.get(str(format)), limits=LIMITS)
    except ValidationFailed as failure:
        json.dumps(failure.message, ensure_ascii=False).encode()
        return f"failed: {failure.code}" if failure.code in FAILURE_CODES else f"of no known code: {failure.code}"
    finally:
        path.unlink()
    assert golden_answers_hold(result, content)
    return "ready"


def golden_answers_hold(result: ValidationResult, content: bytes) -> bool:
    """Whether the version, loaded as a serving process loads it, answers as it did in the sandbox."""
    told = Signature.from_dict(result.signature)
    assert result.runtime == "onnx" or result.compiled is not None
    model = runtimes.get(result.runtime).load(result.compiled or content, told)
    handler = handlers.get(told.handler)
    rows = result.golden["instances"]
    output = model.predict(handler.preprocess(Payload("instances", rows), told))
    said = handler.postprocess(output, told)
    wanted = outputs.Answers(result.golden["predictions"], result.golden["probabilities"])
    return parity.compare(wanted, outputs.Answers(said.predictions, said.probabilities), told.task).passed


def judged(count: int, seed: int, folder: Path, part: str = "") -> Counter[str]:
    def judge(mutant: Mutant) -> tuple[str, str]:
        try:
            return mutant.name, outcome(mutant.content, folder / mutant.name.partition(":")[0])
        except Exception as error:
            raise AssertionError(f"{mutant.name} of seed {seed} ended in {type(error).__name__}: {error}") from error

    before = os.getpid()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(judge, mutants(count, seed, part)))
    assert len(found) == count
    assert (os.getpid(), children()) == (before, set())
    assert [name for name, verdict in found if verdict.startswith("of no known code")] == []
    return Counter(verdict for _, verdict in found)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_damaged_files_are_refused_or_answer_as_the_sandbox_heard_them(tmp_path: Path, capsys: Any) -> None:
    pytest.importorskip("xgboost")
    pytest.importorskip("lightgbm")
    count, seed = int(os.environ.get("MUTANTS", "500")), int(os.environ.get("MUTANTS_SEED", "1"))
    part = os.environ.get("MUTANTS_OF", "")
    found = judged(count, seed, tmp_path, part)
    with capsys.disabled():
        sys.stderr.write(f"\n{count} mutants of {len(good(part))} files, seed {seed}: {dict(found.most_common())}\n")
    assert any(verdict.startswith("door") for verdict in found)
    assert any(verdict.startswith("failed") for verdict in found)
    assert found["ready"]


def test_a_few_of_them_in_every_run(tmp_path: Path) -> None:
    pytest.importorskip("xgboost")
    pytest.importorskip("lightgbm")
    assert sum(judged(2, 7, tmp_path).values()) == 2
