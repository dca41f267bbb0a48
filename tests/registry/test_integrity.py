"""Stored files: sealed when they are placed, verified when they are read, looked at while nobody needs them."""

import io
import shutil
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import AuditEvent
from inference import activation, model_cache
from inference.errors import ActivationFailed
from monitoring import scrape
from registry import artifacts, resolver, scrubbing, seals, selectors, services
from registry.errors import ArtifactMissing, DigestMismatch, SealBroken
from registry.models import ModelVersion
from tests import toys

pytestmark = pytest.mark.django_db(transaction=True)


def path_of(version):
    return artifacts.path_of(version.served_file.path)


def due(version):
    """Make the scrubber look at this version next."""
    ModelVersion.objects.filter(pk=version.pk).update(checked_at=timezone.now() - timedelta(days=365))


def scrubbed(version):
    due(version)
    assert scrubbing.scrub_next()
    version.refresh_from_db()
    return version.damage and version.damage["code"]


def test_the_original_and_the_compiled_file_are_sealed_when_they_are_placed(ada, toy_file):
    services.upload_version(by=ada, name="toy", file=toy_file)
    claimed = services.claim_for_validation(seconds=60, max_attempts=3)
    version = services.mark_ready(
        version=claimed, task="classification", handler="tabular", compiled=b"onnx", runtime="onnx", signature={}
    )
    assert [file.form for file in version.stored_files()] == ["original", "compiled"]
    assert all(file.holds() for file in version.stored_files())
    assert artifacts.read_verified(version.served_file) == b"onnx"


def test_a_missing_an_altered_and_a_truncated_file_are_refused_each_with_its_code(served_version):
    version = served_version()
    whole = path_of(version).read_bytes()
    for content in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:-1], b""):
        path_of(version).write_bytes(content)
        with pytest.raises(DigestMismatch) as refused:
            artifacts.read_verified(version.served_file)
        assert refused.value.code == "digest_mismatch"
    path_of(version).unlink()
    with pytest.raises(ArtifactMissing):
        artifacts.read_verified(version.served_file)


def test_what_was_verified_is_what_is_opened_whatever_comes_into_its_place_meanwhile(served_version, tmp_path):
    version = served_version()
    whole = path_of(version).read_bytes()
    (tmp_path / "other").write_bytes(b"another model")
    with artifacts.held(version.served_file) as path:
        (tmp_path / "other").replace(path_of(version))
        assert path.read_bytes() == whole


def test_another_valid_model_is_refused_also_with_its_digest_written_into_the_row(served_version):
    mine, other = served_version(offset=1), served_version(offset=2)
    shutil.copy(path_of(other), path_of(mine))
    with pytest.raises(DigestMismatch):
        artifacts.read_verified(mine.served_file)
    ModelVersion.objects.filter(pk=mine.pk).update(sha256=other.sha256)
    mine.refresh_from_db()
    with pytest.raises(SealBroken):
        artifacts.read_verified(mine.served_file)
    ModelVersion.objects.filter(pk=mine.pk).update(artifact_seal=other.artifact_seal)
    mine.refresh_from_db()
    with pytest.raises(SealBroken):
        model_cache.load(resolver.served(mine))


def test_a_version_without_a_seal_is_refused(served_version):
    version = served_version()
    version.artifact_seal = ""
    with pytest.raises(SealBroken):
        artifacts.read_verified(version.served_file)


def test_nothing_is_sealed_without_a_key(settings):
    settings.ARTIFACT_SEAL_KEY = ""
    with pytest.raises(ImproperlyConfigured):
        seals.make(model_id=1, number=1, form=seals.ORIGINAL, sha256="0" * 64)


def test_a_version_that_is_damaged_on_disk_is_not_activated_though_it_is_in_memory(ada, served_version):
    first, second = served_version(offset=1), served_version(offset=2)
    activation.activate(version=first, by=ada)
    model_cache.cache.get(resolver.served(second))
    path_of(second).unlink()
    with pytest.raises(ActivationFailed) as refused:
        activation.activate(version=second, by=ada)
    assert refused.value.details["reason"] == "artifact_missing"
    assert resolver.resolve("oracle", user=ada).number == 1


# -- The scrubber -------------------------------------------------------------------------------------


def test_damage_raises_an_alarm_once_and_a_restored_file_ends_it(ada, served_version):
    version = served_version()
    whole = path_of(version).read_bytes()
    path_of(version).write_bytes(b"swapped")
    assert scrubbed(version) == "digest_mismatch"
    since = version.damage["since"]
    assert list(selectors.damaged_versions()) == [version]
    assert scrubbed(version) == "digest_mismatch"
    assert version.damage["since"] == since
    path_of(version).write_bytes(whole)
    assert scrubbed(version) is None
    assert not selectors.damaged_versions().exists()
    assert [event.kind for event in version.events.order_by("pk")] == ["damaged", "repaired"]
    audited = AuditEvent.objects.filter(action__in=["version.damaged", "version.repaired"]).order_by("number")
    assert [(event.action, event.actor_id) for event in audited] == [
        ("version.damaged", None),
        ("version.repaired", None),
    ]


def test_what_is_live_is_looked_at_first_and_again_and_again(ada, served_version, settings):
    old, live = served_version(offset=1), served_version(offset=2)
    services.activate(version=live, by=ada)
    due(old)
    ModelVersion.objects.filter(pk=live.pk).update(
        checked_at=timezone.now() - timedelta(seconds=settings.SCRUB_LIVE_SECONDS + 1)
    )
    path_of(live).unlink()
    assert scrubbing.scrub_next()
    live.refresh_from_db()
    assert live.damage["code"] == "artifact_missing"
    assert scrubbing.scrub_next()
    old.refresh_from_db()
    assert timezone.now() - old.checked_at < timedelta(minutes=1)
    assert not scrubbing.scrub_next()


def test_a_swapped_digest_is_found_too(served_version):
    mine, other = served_version(offset=1), served_version(offset=2)
    shutil.copy(path_of(other), path_of(mine))
    ModelVersion.objects.filter(pk=mine.pk).update(sha256=other.sha256)
    assert scrubbed(mine) == "seal_broken"


def test_the_alarm_is_seen_in_the_api_and_by_prometheus(ada, client, served_version):
    from accounts import services as accounts_services

    version = served_version()
    served_version(name="whole")
    path_of(version).unlink()
    assert scrubbed(version) == "artifact_missing"
    assert 'ml_model_file_damaged{code="artifact_missing",model="oracle",version="1"} 1.0' in scrape.render().decode()
    key = accounts_services.create_key(by=ada, owner=ada, name="k", scopes=["read"])[1]
    body = client.get("/api/v1/models?status=damaged", headers={"X-API-Key": key}).json()
    assert [row["name"] for row in body["results"]] == ["oracle"]
    shown = client.get("/api/v1/models/oracle/versions/1", headers={"X-API-Key": key}).json()
    assert (shown["damage"]["code"], shown["events"][0]["kind"], shown["events"][0]["by"]) == (
        "artifact_missing",
        "damaged",
        None,
    )


def test_calling_a_damaged_version_is_a_503_with_the_code(ada, client, served_version):
    from accounts import services as accounts_services

    version = served_version()
    path_of(version).write_bytes(b"swapped")
    key = accounts_services.create_key(by=ada, owner=ada, name="k", scopes=["predict"])[1]
    answer = client.post(
        "/api/v1/predict/oracle:1",
        {"instances": [[1, 2]]},
        content_type="application/json",
        headers={"X-API-Key": key},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "digest_mismatch")


# -- Another key --------------------------------------------------------------------------------------


def test_seals_of_the_key_before_hold_until_they_are_renewed(ada, served_version, settings, capsys):
    version = served_version()
    settings.ARTIFACT_SEAL_KEY_FALLBACK, settings.ARTIFACT_SEAL_KEY = settings.ARTIFACT_SEAL_KEY, "another key"
    assert version.served_file.holds()
    call_command("sealmodels")
    settings.ARTIFACT_SEAL_KEY_FALLBACK = ""
    assert not version.served_file.holds()
    version.refresh_from_db()
    assert version.served_file.holds()
    assert "1 versions are sealed anew." in capsys.readouterr().out


def test_renewing_seals_does_not_heal_a_broken_one(ada, served_version):
    version = served_version()
    ModelVersion.objects.filter(pk=version.pk).update(sha256="0" * 64)
    with pytest.raises(CommandError, match="oracle:1"):
        call_command("sealmodels")
    version.refresh_from_db()
    assert not version.served_file.holds()


def test_rows_from_before_the_seals_are_sealed_by_the_migration(ada, served_version):
    from importlib import import_module

    from django.apps import apps

    version = served_version()
    ModelVersion.objects.update(artifact_seal="")
    import_module("registry.migrations.0004_seals").seal_what_is_there(apps, None)
    version.refresh_from_db()
    assert version.served_file.holds()
    assert artifacts.read_verified(version.served_file) == toys.oracle(1.0)


def test_an_upload_is_sealed_for_its_own_place(ada):
    first = services.upload_version(by=ada, name="a", file=io.BytesIO(toys.oracle(1.0)))
    second = services.upload_version(by=ada, name="a", file=io.BytesIO(toys.oracle(1.0)))
    assert first.sha256 == second.sha256
    assert first.artifact_seal != second.artifact_seal
