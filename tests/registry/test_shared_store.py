"""Model files in a store that hosts share, with copies on each host. The store is a directory here; tests/live/
has a server that speaks S3."""

import hashlib
import io
import threading
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from inference import activation, jobs, model_cache
from inference.errors import ActivationFailed
from mlplatform import errors, storage_checks
from registry import artifacts, local_copies, resolver, scrubbing, services, shared_store
from registry.errors import ArtifactMissing, DigestMismatch, StorageUnavailable
from registry.models import ModelVersion, RegisteredModel
from tests import toys
from tests.registry.test_integrity import scrubbed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def bucket(settings, tmp_path):
    settings.ARTIFACT_STORAGE = "s3"
    settings.ARTIFACT_BUCKET = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path / "bucket"), "allow_overwrite": True},
    }
    return tmp_path / "bucket"


@pytest.fixture
def no_row_is_locked_meanwhile(monkeypatch):
    """Bringing a file to the store may take long."""
    real = shared_store.put

    def put(path, sha256):
        assert not connection.in_atomic_block
        real(path, sha256)

    monkeypatch.setattr(shared_store, "put", put)


def object_of(bucket: Path, version: ModelVersion) -> Path:
    return bucket / shared_store.key(version.served_file.sha256)


def copy_of(settings, version: ModelVersion) -> Path:
    return Path(settings.VAR_DIR) / "artifacts" / version.served_file.sha256


def unreachable(monkeypatch):
    def fail(*args, **kwargs):
        raise ConnectionError("no route")

    storage = shared_store._storage()
    for name in ("_save", "_open", "exists", "size", "get_modified_time"):
        monkeypatch.setattr(storage, name, fail)


def change(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)


def test_an_upload_lies_in_the_store_under_its_digest_and_this_host_keeps_a_copy(settings, bucket, served_version):
    version = served_version()
    assert object_of(bucket, version).read_bytes() == toys.oracle(1.0)
    assert copy_of(settings, version).stat().st_mode & 0o777 == 0o400
    assert not list(Path(settings.MODELS_DIR).rglob("*.onnx"))
    assert not list(Path(settings.STAGING_DIR).iterdir())
    assert model_cache.load(resolver.served(version)).model


def test_a_file_is_brought_to_the_store_before_the_transaction(ada, bucket, no_row_is_locked_meanwhile):
    content = toys.oracle(1.0)
    version = {"number": 3, "files": {"original": {"sha256": hashlib.sha256(content).hexdigest()}}}
    options = {"model": {"name": "oracle", "fallback": 1.5}, "version": version, "bundle": "0" * 64}
    imported = services.import_version(by=ada, name="copy", file=io.BytesIO(content), **options)
    assert object_of(bucket, imported).read_bytes() == content
    assert imported.events.get().details["number"] == 3


def test_the_compiled_form_lies_in_the_store_too(bucket, ada, toy_file):
    services.upload_version(by=ada, name="toy", file=toy_file)
    claimed = services.claim_for_validation(seconds=60, max_attempts=3)
    version = services.mark_ready(
        version=claimed, task="classification", handler="tabular", compiled=b"onnx", runtime="onnx", signature={}
    )
    assert object_of(bucket, version).read_bytes() == b"onnx"
    assert artifacts.read_verified(version.served_file) == b"onnx"


def test_another_host_fetches_the_file_and_a_damaged_copy_is_fetched_again(settings, tmp_path, served_version):
    version = served_version()
    settings.VAR_DIR = tmp_path / "elsewhere"
    assert artifacts.read_verified(version.served_file) == toys.oracle(1.0)
    change(copy_of(settings, version), b"rotten")
    assert artifacts.read_verified(version.served_file) == toys.oracle(1.0)
    assert copy_of(settings, version).read_bytes() == toys.oracle(1.0)


def test_a_damaged_object_is_refused_not_kept_not_activated_and_the_scrubber_says_so(
    settings, bucket, ada, served_version
):
    version = served_version()
    assert scrubbed(version) is None
    object_of(bucket, version).write_bytes(b"swapped")
    copy_of(settings, version).unlink()
    with pytest.raises(DigestMismatch):
        artifacts.read_verified(version.served_file)
    assert local_copies.held() == (0, 0)
    with pytest.raises(ActivationFailed):
        activation.activate(version=version, by=ada)
    assert scrubbed(version) == "digest_mismatch"
    object_of(bucket, version).unlink()
    with pytest.raises(ArtifactMissing):
        artifacts.read_verified(version.served_file)
    assert scrubbed(version) == "artifact_missing"
    object_of(bucket, version).write_bytes(toys.oracle(1.0))
    assert scrubbed(version) is None


def test_an_object_that_has_not_changed_is_not_read_again_by_the_scrubber(monkeypatch, served_version):
    version, reads = served_version(), []
    pieces = shared_store.pieces
    monkeypatch.setattr(shared_store, "pieces", lambda sha256: (reads.append(sha256), pieces(sha256))[1])
    assert [scrubbed(version), scrubbed(version)] == [None, None]
    assert reads == [version.sha256]


def test_without_the_store_an_upload_leaves_nothing_and_what_was_copied_is_served(
    settings, monkeypatch, ada, served_version
):
    version = served_version()
    unreachable(monkeypatch)
    with pytest.raises(StorageUnavailable) as refused:
        services.upload_version(by=ada, name="new", file=io.BytesIO(toys.oracle(2.0)))
    told = errors.answer_to(refused.value)
    assert (told.status, told.code, told.details["reason"]) == (503, "storage_unavailable", "unreachable")
    assert not RegisteredModel.objects.filter(name="new").exists()
    assert not list(Path(settings.STAGING_DIR).iterdir())
    assert artifacts.read_verified(version.served_file) == toys.oracle(1.0)
    copy_of(settings, version).unlink()
    with pytest.raises(StorageUnavailable):
        artifacts.read_verified(version.served_file)


def test_a_store_that_is_away_is_no_damage_and_costs_a_validation_no_attempt(
    settings, monkeypatch, ada, served_version
):
    version = served_version()
    waiting = services.upload_version(by=ada, name="waiting", file=io.BytesIO(toys.oracle(2.0)))
    copy_of(settings, waiting).unlink()
    unreachable(monkeypatch)
    ModelVersion.objects.filter(pk=version.pk).update(checked_at="2020-01-01T00:00:00Z")
    assert scrubbing.scrub_next() is False
    assert jobs.validate_next()
    version.refresh_from_db()
    waiting.refresh_from_db()
    assert version.damage is None
    assert (waiting.status, waiting.attempts) == ("pending", 0)


def test_copies_are_bounded_and_the_least_recently_used_goes_first(settings, served_version):
    versions = [served_version(offset=float(offset)) for offset in range(3)]
    settings.ARTIFACT_CACHE_BYTES = int(2.5 * versions[0].size_bytes)
    for version in versions:
        copy_of(settings, version).unlink()
    for version in (versions[0], versions[1], versions[0], versions[2]):
        artifacts.read_verified(version.served_file)
    assert [copy_of(settings, version).exists() for version in versions] == [True, False, True]


def test_many_who_ask_at_once_fetch_a_file_once(settings, monkeypatch, served_version):
    version, fetches, answers = served_version(), [], []
    copy_of(settings, version).unlink()
    pieces = shared_store.pieces
    monkeypatch.setattr(shared_store, "pieces", lambda sha256: (fetches.append(sha256), pieces(sha256))[1])
    ask = [
        threading.Thread(target=lambda: answers.append(artifacts.read_verified(version.served_file))) for _ in range(8)
    ]
    for thread in ask:
        thread.start()
    for thread in ask:
        thread.join()
    assert answers == [toys.oracle(1.0)] * 8
    assert fetches == [version.sha256]


def test_an_installation_moves_to_the_store_and_back_and_names_what_is_damaged(settings, bucket, served_version):
    settings.ARTIFACT_STORAGE = "local"
    whole, broken = served_version(offset=1.0), served_version(offset=2.0)
    artifacts.path_of(broken.artifact).write_bytes(b"swapped")
    told = io.StringIO()
    with pytest.raises(CommandError, match="oracle:2"):
        call_command("moveartifacts", to="s3", stdout=told, stderr=io.StringIO())
    assert "1 files are copied" in told.getvalue()
    assert object_of(bucket, whole).exists()
    assert not object_of(bucket, broken).exists()
    settings.ARTIFACT_STORAGE = "s3"
    assert artifacts.read_verified(whole.served_file) == toys.oracle(1.0)
    artifacts.path_of(whole.artifact).unlink()
    with pytest.raises(CommandError, match="oracle:2"):
        call_command("moveartifacts", to="local", stdout=told, stderr=io.StringIO())
    settings.ARTIFACT_STORAGE = "local"
    assert artifacts.read_verified(whole.served_file) == toys.oracle(1.0)


def test_settings_that_do_not_fit_together_are_named(settings):
    settings.ARTIFACT_S3_BUCKET, settings.ARTIFACT_S3_ACCESS_KEY = "", "somebody"
    told = " ".join(fault.msg for fault in storage_checks.check_store_settings(None))
    assert "ARTIFACT_S3_BUCKET" in told
    assert "ARTIFACT_S3_SECRET_KEY" in told
    settings.ARTIFACT_STORAGE = "ftp"
    assert "'ftp'" in storage_checks.check_store_settings(None)[0].msg
