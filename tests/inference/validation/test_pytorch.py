"""PyTorch programs, from the file to a version that answers as the original does, or to a reason."""

import contextlib
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference import handlers, runtimes
from inference.errors import ValidationFailed
from inference.handlers import Payload
from inference.signature import Signature
from inference.validation import FAILURE_CODES, Limits, ValidationResult, sandbox, validate
from inference.validation.sandbox import lockdown

torch = pytest.importorskip("torch", reason="PyTorch is not installed (the `torch` extra)")
from tests import programs  # noqa: E402

pytestmark = pytest.mark.skipif(not all(sandbox.layers().values()), reason="this kernel lacks a layer of the sandbox")
LIMITS = Limits(wall_seconds=150.0)
ROWS = [[0.1, 0.2, 0.3, 0.4], [3.0, -1.0, 0.5, 2.0]]
IMAGE = [[[((x * y + c) % 7) / 7 for x in range(12)] for y in range(12)] for c in range(3)]
PARAMETERS = [0.5, 1.0, 0.0, 0.25, 4.0, 30.0, 0.1, 0.9]


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    return tmp_path / "artifact"


def proved(artifact: Path, content: bytes, **options: Any) -> ValidationResult:
    artifact.write_bytes(content)
    options.setdefault("format", "torchscript")
    return validate(artifact=artifact, limits=options.pop("limits", LIMITS), **options)


def refusal(artifact: Path, content: bytes, **options: Any) -> ValidationFailed:
    with pytest.raises(ValidationFailed) as caught:
        proved(artifact, content, **options)
    assert caught.value.code in FAILURE_CODES
    return caught.value


def ask(result: ValidationResult, artifact: Path, rows: list[Any]) -> Any:
    """The served model's answer to a client."""
    signature = Signature.from_dict(result.signature)
    content = artifact.read_bytes() if result.compiled is None else result.compiled
    handler = handlers.get(signature.handler)
    feeds = handler.preprocess(Payload("instances", rows), signature)
    return handler.postprocess(runtimes.get(result.runtime).load(content, signature).predict(feeds), signature)


# -- The short subset: one file of each kind, and what is refused at once ------------------------------


def test_a_traced_module_tells_its_inputs_and_is_compiled(artifact):
    network = programs.made(programs.Network())
    result = proved(artifact, programs.traced(network, torch.zeros(2, 4)))
    assert (result.runtime, result.task, result.handler) == ("onnx", "classification", "tabular")
    assert result.parity["passed"] is True
    assert np.allclose(ask(result, artifact, ROWS).probabilities, programs.answers(network, ROWS), atol=1e-6)
    assert result.library_versions["torch"] == torch.__version__
    assert b"torch/nn" not in (result.compiled or b""), "where the code lay is nobody's business"


def test_without_shapes_the_failure_says_which_sample_to_upload(artifact):
    refused = refusal(artifact, programs.scripted(programs.made(programs.Quality())))
    assert (refused.code, refused.field) == ("sample_invalid", "sample")
    assert '[{"image": [...], "parameters": [...]}, ...]' in refused.message


def test_files_that_pytorch_cannot_open_are_unreadable(artifact):
    for content in (programs.saved({"w": torch.zeros(2)}), b"PK\x03\x04 no archive"):
        assert refusal(artifact, content).code == "unreadable"


def test_an_installation_without_pytorch_says_what_to_install(tmp_path):
    """The sandbox's task is run in a process that cannot import torch."""
    program = """
        import sys
        sys.modules["torch"] = None
        from inference.errors import ValidationFailed
        try:
            import inference.validation.tasks.convert_torch
        except ValidationFailed as failure:
            print(failure.code, failure.message)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, cwd=Path(__file__).parents[3]
    )
    assert ran.stdout.startswith("missing_library ")
    assert "install the `torch` extra" in ran.stdout


def test_the_sandbox_gives_random_numbers_and_nothing_else_to_pytorch():
    assert [path for path in lockdown.OWN_FACTS if path.startswith("/dev/")] == ["/dev/urandom"]


# -- Signatures ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_exported_program_says_its_inputs_and_its_authors_words_are_used(artifact):
    network = programs.made(programs.Network())
    about = {"classes": ["a", "b", "c"], "feature_names": ["p", "q", "r", "s"]}
    content = programs.exported(network, torch.zeros(2, 4), about=about)
    result = proved(artifact, content, format="torch_export")
    assert (result.runtime, result.task) == ("onnx", "classification")
    assert [column["name"] for column in result.signature["inputs"]] == ["p", "q", "r", "s"]
    said = ask(result, artifact, [dict(zip("pqrs", ROWS[0], strict=True))])
    scores = programs.answers(network, ROWS[:1])[0]
    assert said.predictions == ["abc"[scores.index(max(scores))]]
    assert result.report["trained_with"] == {"torch": torch.__version__}
    assert result.report["warnings"] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["scripted", "traced", "exported"])
def test_an_image_and_a_vector_go_in_together(artifact, kind):
    quality = programs.made(programs.Quality())
    sample = [{"image": IMAGE, "parameters": PARAMETERS}] * 2
    format = "torch_export" if kind == "exported" else "torchscript"
    inputs = [] if kind == "scripted" else [torch.zeros(2, 3, 12, 12), torch.zeros(2, 8)]
    content = getattr(programs, kind)(quality, *inputs)
    result = proved(artifact, content, format=format, sample=sample)
    assert (result.runtime, result.task, result.handler) == ("onnx", "regression", "tensor")
    assert [column["shape"] for column in result.signature["inputs"]] == [[-1, 3, 12, 12], [-1, 8]]
    wanted = programs.answers(quality, [IMAGE] * 3, [PARAMETERS] * 3)
    assert ask(result, artifact, [sample[0]] * 3).predictions == pytest.approx([row[0] for row in wanted], abs=1e-6)


@pytest.mark.slow
def test_whole_numbers_are_taken_as_such_where_the_program_needs_them(artifact):
    result = proved(
        artifact, programs.scripted(programs.made(programs.Words())), sample=[[1, 2], [3, 4]], task="regression"
    )
    assert {column["dtype"] for column in result.signature["inputs"]} == {"int64"}
    assert result.signature["multi_output"] == 2


@pytest.mark.slow
def test_scores_that_are_no_probabilities_need_a_task(artifact):
    content = programs.scripted(programs.made(programs.Words()))
    assert refusal(artifact, content, sample=[[1, 2], [3, 4]]).field == "task"
    result = proved(artifact, content, sample=[[1, 2], [3, 4]], task="classification")
    assert result.signature["has_probabilities"] is False
    assert result.signature["classes"] == [0, 1]


@pytest.mark.slow
def test_labels_and_probabilities_by_name_are_understood(artifact):
    result = proved(artifact, programs.scripted(programs.made(programs.Labelled())), sample=ROWS)
    assert result.signature["outputs"] == {"labels": "label", "probabilities": "probabilities"}
    assert result.signature["classes"] == [0, 1, 2]


@pytest.mark.slow
def test_a_program_exported_for_one_row_is_run_row_by_row(artifact):
    network = programs.made(programs.Network())
    result = proved(artifact, programs.exported(network, torch.zeros(1, 4), dynamic=False), format="torch_export")
    assert np.allclose(ask(result, artifact, ROWS).probabilities, programs.answers(network, ROWS), atol=1e-6)
    refused = refusal(artifact, programs.exported(network, torch.zeros(3, 4), dynamic=False), format="torch_export")
    assert "dynamic batch dimension" in refused.message


@pytest.mark.slow
def test_the_expected_answers_are_checked(artifact):
    content = programs.traced(programs.made(programs.Network()), torch.zeros(2, 4))
    assert refusal(artifact, content, sample=ROWS, expected=[[0, 0, 1], [9, 9, 9]]).code == "expected_mismatch"


# -- What cannot be compiled --------------------------------------------------------------------------


@pytest.mark.slow
def test_control_flow_that_is_the_same_for_all_rows_is_compiled(artifact):
    repeats = programs.made(programs.Repeats())
    rows = [[1.0, 2.0, 3.0], [-4.0, 5.5, 6.0]]
    result = proved(artifact, programs.scripted(repeats), sample=rows)
    assert result.runtime == "onnx"
    assert ask(result, artifact, rows).predictions == pytest.approx(programs.answers(repeats, rows), abs=1e-6)


@pytest.mark.slow
def test_a_loop_without_a_known_end_is_served_for_trusted_versions_only(artifact):
    halves, rows = programs.Halves().eval(), [[1.0, 2.0, 3.0], [-4.0, 5.5, 6.0]]
    refused = refusal(artifact, programs.scripted(halves), sample=rows)
    assert refused.code == "not_compilable"
    assert "Loop" in refused.message
    result = proved(artifact, programs.scripted(halves), sample=rows, trusted=True)
    assert ask(result, artifact, rows).predictions == pytest.approx(programs.answers(halves, rows))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["scripted", "exported"])
def test_what_cannot_be_compiled_is_served_by_pytorch_for_trusted_versions_only(artifact, kind):
    exotic, rows = programs.Exotic().eval(), [[1.0, 2.0, 0.0], [-1.0, 0.5, 0.25]]
    content = programs.scripted(exotic) if kind == "scripted" else programs.exported(exotic, torch.zeros(2, 3))
    options = {"sample": rows, "format": "torchscript" if kind == "scripted" else "torch_export"}
    refused = refusal(artifact, content, **options)
    assert refused.code == "not_compilable"
    assert refused.report is not None
    assert {tried["outcome"] for tried in refused.report["candidates"]} == {"not compiled"}
    result = proved(artifact, content, trusted=True, **options)
    assert (result.runtime, result.compiled) == (options["format"], None)
    assert ask(result, artifact, rows).predictions == pytest.approx(programs.answers(exotic, rows), rel=1e-5)


# -- Hostile files ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_program_that_hangs_is_ended(artifact):
    content = programs.scripted(programs.Hangs())
    refused = refusal(artifact, content, sample=[[1, 2]], limits=Limits(wall_seconds=20.0))
    assert refused.code == "timed_out"


@pytest.mark.slow
def test_a_program_that_wants_all_memory_is_refused(artifact):
    assert refusal(artifact, programs.scripted(programs.Hoards()), sample=[[1, 2]]).code == "memory_limit"


@pytest.mark.slow
def test_a_program_that_writes_a_file_is_refused_and_nothing_is_written(artifact, tmp_path):
    canary = tmp_path / "canary"
    tmp_path.chmod(0o777)
    refused = refusal(artifact, programs.scripted(programs.Writes(str(canary))), sample=[[1, 2]])
    assert refused.code in ("sample_invalid", "schema_mismatch")
    assert not canary.exists()


@pytest.mark.slow
@pytest.mark.parametrize("member", ["data.pkl", "constants.pkl", "traced_inputs.pkl"])
def test_a_pickle_that_runs_a_command_inside_the_archive_runs_nothing(artifact, tmp_path, member):
    import io
    import zipfile

    canary = tmp_path / "canary"
    evil = b"cos\nsystem\n(S'touch " + str(canary).encode() + b"'\ntR."
    source = zipfile.ZipFile(io.BytesIO(programs.traced(programs.made(programs.Network()), torch.zeros(2, 4))))
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            target.writestr(name, evil if name.endswith("/" + member) else source.read(name))
    refusal(artifact, changed.getvalue())
    assert not canary.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("data/0", lambda content: content[:-4]),
        ("data/0", lambda content: content + bytes(1 << 20)),
        ("data/0", lambda content: b""),
        ("data.pkl", lambda content: b"\x80\x02]K\x01K\x02s."),
        ("data.pkl", lambda content: content.replace(b"K\x04", b"\x8a\x06" + (1 << 40).to_bytes(6, "little"), 1)),
    ],
    ids=["too small", "too large", "empty", "an item set in a list", "2⁴⁰ numbers"],
)
def test_storages_that_are_not_what_they_say_harm_nobody(artifact, member, change):
    import io
    import zipfile

    source = zipfile.ZipFile(io.BytesIO(programs.traced(programs.made(programs.Network()), torch.zeros(2, 4))))
    changed = io.BytesIO()
    touched = False
    with zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("/" + member):
                touched = change(content) != content
                content = change(content)
            target.writestr(name, content)
    assert touched
    # PyTorch itself takes some of them; then only the sandbox is at risk. Anything but a refusal raises.
    with contextlib.suppress(ValidationFailed):
        proved(artifact, changed.getvalue())
