"""A backup is taken of a running installation, and makes another one the same."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import AuditEvent, User
from inference import activation
from monitoring import spool
from monitoring.models import PredictionLog
from registry import artifacts
from registry.errors import ArtifactMissing
from registry.models import ModelVersion, RegisteredModel
from tests import toys

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor == "postgresql" and shutil.which("pg_dump") is None, reason="pg_dump is not installed"
    ),
]


def ask(client, key):
    asked = {"instances": [[1.0, 0.0]]}
    return client.post("/api/v1/predict/oracle", asked, content_type="application/json", headers={"X-API-Key": key})


def run(command, *arguments, **options):
    told = io.StringIO()
    call_command(command, *arguments, stdout=told, stderr=io.StringIO(), **options)
    return told.getvalue()


@pytest.fixture
def installation(ada, served_version, key_of):
    """A live model, a key, a record in the database and one that is still spooled."""
    version = served_version(
        offset=1.0, golden={"instances": [[1.0, 0.0]], "predictions": [2.0], "probabilities": None}
    )
    activation.activate(version=version, by=ada)
    return version, key_of(ada)


@pytest.fixture
def key_of():
    from accounts import services

    def make(user):
        return services.create_key(by=user, owner=user, name="backup", scopes=["predict", "read"])[1]

    return make


@pytest.fixture
def elsewhere(settings, tmp_path):
    """From here on everything but the database lies in another place, as on another host."""

    def move():
        settings.VAR_DIR = tmp_path / "other"
        for name, setting in (("models", "MODELS_DIR"), ("uploads", "STAGING_DIR"), ("spool", "SPOOL_DIR")):
            (settings.VAR_DIR / name).mkdir(parents=True)
            setattr(settings, setting, settings.VAR_DIR / name)

    return move


def test_a_folder_of_models_in_which_only_uploads_wait_is_an_empty_one(
    installation, elsewhere, new_process, tmp_path, settings
):
    told = run("backup", str(tmp_path / "it.backup"), "--json")
    new_process()
    elsewhere()
    (Path(settings.MODELS_DIR) / ".uploads").mkdir(parents=True, exist_ok=True)
    call_command("flush", interactive=False, verbosity=0)
    assert not User.objects.exists()
    found = json.loads(run("restore", str(tmp_path / "it.backup"), "--json"))
    assert (found["live_models"], found["problems"]) == (1, [])
    assert json.loads(told)["files"] == 1


def test_a_backup_brings_models_keys_records_and_what_was_still_spooled_to_another_place(
    client, installation, elsewhere, new_process, tmp_path, ada, served_version
):
    version, key = installation
    assert ask(client, key).json()["predictions"] == [2.0]
    assert spool.ship_once() == 1
    assert ask(client, key).json()["predictions"] == [2.0]
    told = json.loads(run("backup", str(tmp_path / "it.backup"), "--json"))
    assert (told["files"], told["spool_files"], told["left_out"]) == (1, 1, [])

    later = served_version(offset=5.0)
    activation.activate(version=later, by=ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    new_process()
    elsewhere()
    with pytest.raises(CommandError, match="not empty"):
        run("restore", str(tmp_path / "it.backup"))
    found = json.loads(run("restore", str(tmp_path / "it.backup"), "--replace", "--json"))

    assert (found["live_models"], found["problems"], found["spooled_records"]) == (1, [], 1)
    assert PredictionLog.objects.count() == 2
    assert list(ModelVersion.objects.values_list("number", flat=True)) == [1]
    assert artifacts.path_of(version.artifact).read_bytes() == toys.oracle(1.0)
    new_process()
    assert ask(client, key).json()["predictions"] == [2.0]
    assert AuditEvent.objects.filter(action="platform.restored").exists()


def test_a_backup_that_is_damaged_cut_off_or_of_other_secrets_changes_nothing(
    settings, installation, tmp_path, elsewhere
):
    path = tmp_path / "it.backup"
    run("backup", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert "is whole" in run("restore", str(path), "--check")
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo(f"artifacts/{installation[0].sha256}").header_offset + 200
    for content in (whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], whole[:-100], b"", b"no zip at all"):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(CommandError, match=r"damaged|no whole backup"):
            run("restore", str(tmp_path / "bad"), "--replace")
    settings.ARTIFACT_SEAL_KEY = "another key of more than 32 letters"
    with pytest.raises(CommandError, match="ARTIFACT_SEAL_KEY"):
        run("restore", str(path), "--replace")
    assert RegisteredModel.objects.get().open_deployment()
    assert artifacts.path_of(installation[0].artifact).exists()


def test_a_damaged_model_file_stops_a_backup_unless_it_is_to_be_left_out(installation, tmp_path):
    Path(artifacts.path_of(installation[0].artifact)).unlink()
    with pytest.raises(CommandError, match="skip-damaged"):
        run("backup", str(tmp_path / "it.backup"))
    assert not (tmp_path / "it.backup").exists()
    told = json.loads(run("backup", str(tmp_path / "it.backup"), "--skip-damaged", "--json"))
    assert [file["code"] for file in told["left_out"]] == [ArtifactMissing.code]
