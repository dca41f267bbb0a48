"""manage.py uploadmodel, activatemodel, rollbackmodel"""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from inference import clearing
from inference.errors import ActivationFailed
from inference.management import model_command
from monitoring import processes
from registry import services
from registry.models import ModelVersion, Status
from tests import toys
from tests.standing_in import stand_in

pytestmark = pytest.mark.django_db


def run(name: str, *arguments: Any, **options: Any) -> str:
    out = io.StringIO()
    call_command(name, *[str(argument) for argument in arguments], stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "oracle.onnx"
    path.write_bytes(toys.oracle(1.0))
    return path


@pytest.fixture
def job_runner(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settles a waiting version while the command sleeps, as the job runner would beside it."""

    def settle_with(settle: Any) -> None:
        def sleep(seconds: float) -> None:
            claimed = services.claim_for_validation(seconds=60, max_attempts=3)
            if claimed is not None:
                settle(claimed)

        stand_in(monkeypatch, model_command, "time", sleep=sleep)

    return settle_with


def make_ready(version: ModelVersion) -> None:
    services.mark_ready(
        version=version,
        task="regression",
        handler="tabular",
        compiled=None,
        runtime="onnx",
        signature=toys.ORACLE_SIGNATURE,
        memory_bytes=1,
    )


def make_failed(version: ModelVersion) -> None:
    services.mark_failed(version=version, code="unreadable", message="It is damaged.", field="file")


def test_a_file_becomes_the_next_version(ada, file):
    assert "oracle:1 is uploaded" in run("uploadmodel", file, "--name", "oracle", "--owner", ada.email, "--wait", "0")
    version = ModelVersion.objects.get()
    assert (version.status, version.created_by, version.original_name) == (Status.PENDING, ada, "oracle.onnx")
    assert version.size_bytes == file.stat().st_size


def test_it_waits_shows_the_step_and_activates(ada, file, job_runner):
    job_runner(make_ready)
    said = run("uploadmodel", file, "--name", "oracle", "--owner", ada.email, "--activate")
    assert "waiting for the job runner" in said
    assert "served by onnx" in said
    assert "oracle:1 is live." in said
    assert ModelVersion.objects.get().model.open_deployment().version.number == 1


def test_a_failed_validation_ends_the_command_with_the_reason(ada, file, job_runner):
    job_runner(make_failed)
    with pytest.raises(CommandError, match=r"It is damaged\. \(unreadable\)") as failure:
        run("uploadmodel", file, "--name", "oracle", "--owner", ada.email, "--activate")
    assert failure.value.returncode == 1
    assert ModelVersion.objects.get().model.open_deployment() is None


def test_without_a_job_runner_it_gives_up_and_says_what_is_missing(ada, file):
    with pytest.raises(CommandError, match="Is the job runner running"):
        run("uploadmodel", file, "--name", "oracle", "--owner", ada.email, "--wait", "0.01")


def test_sample_expected_and_metrics_are_read_from_files(ada, file, tmp_path):
    documents = {"sample": [[1, 2]], "expected": [2.0], "metrics": {"mae": 0.5}}
    options = []
    for name, value in documents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
        options += [f"--{name}", tmp_path / f"{name}.json"]
    run("uploadmodel", file, "--name", "oracle", "--owner", ada.email, "--wait", "0", *options)
    version = ModelVersion.objects.get()
    assert (version.sample, version.expected) == ([[1, 2]], [2.0])
    assert version.metrics == [{"name": "mae", "value": 0.5, "dataset": ""}]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["--name", "Not A Name"], "invalid_name"),
        (["--owner", "nobody@example.org"], "no active user"),
        (["--sample", "missing.json"], "can't be read"),
        (["--trusted"], "forbidden"),
        (["--activate"], "needs --wait"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_stored(ada, file, change, reason):
    with pytest.raises(CommandError, match=reason):
        run("uploadmodel", file, "--name", "oracle", "--owner", ada.email, "--wait", "0", *change)
    assert not ModelVersion.objects.exists()


def test_a_file_that_is_missing_or_no_model_is_said(ada, tmp_path):
    with pytest.raises(CommandError, match="can't be read"):
        run("uploadmodel", tmp_path / "missing.onnx", "--name", "oracle", "--owner", ada.email)
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(CommandError, match="unknown_format"):
        run("uploadmodel", tmp_path / "text.onnx", "--name", "oracle", "--owner", ada.email)


def test_json_that_is_none_is_named_with_its_file(ada, file, tmp_path):
    (tmp_path / "sample.json").write_text("[[1, 2]")
    with pytest.raises(CommandError, match=r"sample\.json"):
        run(
            "uploadmodel",
            file,
            "--name",
            "oracle",
            "--owner",
            ada.email,
            "--sample",
            tmp_path / "sample.json",
        )


def test_the_only_superuser_is_who_acts_when_nobody_is_named(root, file):
    run("uploadmodel", file, "--name", "oracle", "--wait", "0")
    assert ModelVersion.objects.get().created_by == root


def test_somebody_must_be_named_when_it_could_be_anybody(ada, file):
    with pytest.raises(CommandError, match="Say who"):
        run("uploadmodel", file, "--name", "oracle", "--wait", "0")


def test_activate_and_roll_back_by_command(ada, served_version):
    first, _ = served_version(), served_version(offset=2.0)
    assert "oracle:1 is live." in run("activatemodel", "oracle", 1, "--by", ada.email)
    assert "oracle:2 is live." in run("activatemodel", first.model_id, 2, "--by", ada.email, "--note", "better")
    assert first.model.open_deployment().note == "better"
    assert "oracle:1 is live again." in run("rollbackmodel", "oracle", "--by", ada.email, "--note", "worse")
    assert (first.model.open_deployment().version, first.model.open_deployment().note) == (first, "worse")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["activatemodel", "oracle", "7"], "not_found"),
        (["activatemodel", "nothing", "1"], "not_found"),
        (["rollbackmodel", "oracle"], "nothing_to_roll_back_to"),
        (["rollbackmodel", "nothing"], "not_found"),
    ],
)
def test_a_command_that_cannot_be_followed_says_why(ada, served_version, command, reason):
    served_version()
    with pytest.raises(CommandError, match=reason):
        run(*command, "--by", ada.email)


def test_a_stranger_cannot_activate_by_command(bob, served_version):
    version = served_version()
    with pytest.raises(CommandError, match="not_found"):
        run("activatemodel", "oracle", 1, "--by", bob.email)
    assert version.model.open_deployment() is None


def test_warmup_names_what_is_live_and_the_processes_that_are_warm(ada, served_version):
    root = User.objects.create_superuser("root@example.org", "correct horse battery")
    services.activate(version=served_version(), by=ada)
    served_version(name="never-live")
    assert run("warmup", "--by", root.email) == "oracle:1: warm in 0 serving processes, 0.0 ms at most\n"
    assert "never-live:1" in run("warmup", "never-live:1", "--by", root.email)
    with pytest.raises(CommandError, match="no_active_version"):
        run("warmup", "never-live", "--by", root.email)


def test_warmup_fails_when_a_process_can_not_load_it(ada, served_version, monkeypatch):
    def refuse(version, progress):
        raise ActivationFailed("A serving process can't take it up.")

    monkeypatch.setattr("inference.activation._stage", refuse)
    services.activate(version=served_version(), by=ada)
    with pytest.raises(CommandError, match="1 of 1"):
        run("warmup", "--by", ada.email)


def test_with_json_a_script_gets_one_object(ada, file):
    options = ["--tag", "t", "--version-tag", "v", "--notes", "n", "--json", "--wait", "0"]
    told = json.loads(run("uploadmodel", file, "--name", "oracle", "--owner", ada.email, *options))
    assert (told["model"], told["version"], told["status"]) == ("oracle", 1, "pending")
    version = ModelVersion.objects.select_related("model").get()
    assert (version.model.tags, version.tags, version.notes) == (["t"], ["v"], "n")
    make_ready(services.claim_for_validation(seconds=60, max_attempts=3))
    told = json.loads(run("activatemodel", "oracle", 1, "--by", ada.email, "--json"))
    assert (told["version"], told["previous_version"]) == (1, None)


def test_clearpredictions_moves_the_epoch_and_says_how_much_was_held(ada):
    row = processes.register("host", 1)
    processes.beat(row.pk, True, {"prediction_cache": {"size": 3}})
    before = clearing.present_epoch()
    assert run("clearpredictions", "--by", ada.email) == "3 remembered answers are forgotten.\n"
    assert clearing.present_epoch() == before + 1
