"""The bucket itself, by a server that speaks S3."""

import hashlib
import os

import pytest
from botocore.exceptions import ClientError

from mlplatform import storage_checks
from registry import object_storage, shared_store
from registry.errors import StorageUnavailable
from tests import s3_server

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def endpoint():
    with s3_server.running() as address:
        yield address


def put(tmp_path, content):
    sha256 = hashlib.sha256(content).hexdigest()
    (tmp_path / "file").write_bytes(content)
    shared_store.put(tmp_path / "file", sha256)
    return sha256


def test_a_bucket_keeps_files_large_and_small_and_tells_what_is_wrong(settings, tmp_path, endpoint):
    settings.ARTIFACT_STORAGE, settings.ARTIFACT_BUCKET = "s3", s3_server.bucket(endpoint, "here/and/there")
    settings.ARTIFACT_S3_BUCKET = s3_server.BUCKET
    assert storage_checks.check_store_answers(None) == []
    for content in (b"", b"small", os.urandom(9 << 20)):  # the last one goes in parts
        sha256 = put(tmp_path, content)
        assert b"".join(shared_store.pieces(sha256)) == content
        assert shared_store.size(sha256) == len(content)
        assert shared_store.digest_of(sha256) == sha256
    sha256 = put(tmp_path, b"right")
    assert shared_store.digest_of(sha256) == sha256
    shared_store._storage().bucket.put_object(Key=f"here/and/there/{shared_store.key(sha256)}", Body=b"wrong")
    assert shared_store.digest_of(sha256) == hashlib.sha256(b"wrong").hexdigest()
    nothing = "0" * 64
    assert shared_store.size(nothing) is None
    for ask in (shared_store.digest_of, lambda sha256: list(shared_store.pieces(sha256))):
        with pytest.raises(FileNotFoundError):
            ask(nothing)
    settings.ARTIFACT_BUCKET["OPTIONS"]["bucket_name"] = "another"
    for ask in (shared_store.digest_of, shared_store.size, lambda sha256: list(shared_store.pieces(sha256))):
        with pytest.raises(StorageUnavailable) as refused:
            ask(sha256)
        assert refused.value.details["reason"] == "no_bucket"
    with pytest.raises(StorageUnavailable) as refused:
        put(tmp_path, b"anything")
    assert refused.value.details["reason"] == "no_bucket"
    assert [fault.id for fault in storage_checks.check_store_answers(None)] == ["mlplatform.E025"]


def test_a_server_that_is_not_there_and_one_that_denies_are_told_apart(settings, monkeypatch, endpoint):
    monkeypatch.setattr(object_storage, "ATTEMPTS", 1)
    settings.ARTIFACT_BUCKET = s3_server.bucket("http://127.0.0.1:9")
    with pytest.raises(StorageUnavailable) as refused:
        shared_store.probe()
    assert refused.value.details["reason"] == "unreachable"

    def deny(storage):
        raise ClientError(
            {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, "HeadBucket"
        )

    monkeypatch.setattr(object_storage.ObjectStorage, "require_bucket", deny)
    settings.ARTIFACT_BUCKET = s3_server.bucket(endpoint)
    with pytest.raises(StorageUnavailable) as refused:
        shared_store.probe()
    assert refused.value.details["reason"] == "denied"
