import io
import pickle
import threading

import joblib
import pytest
import skops.io
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from sklearn.linear_model import LogisticRegression

from registry import artifacts, services
from registry.errors import (
    ArtifactInvalid,
    ArtifactTooLarge,
    Conflict,
    DigestMismatch,
    FieldInvalid,
    Forbidden,
    NameTaken,
    VersionNotReady,
)
from registry.leases import LeaseLost
from registry.models import Deployment, ModelVersion, RegisteredModel, Status
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def upload(toy_classifier, joblib_file):
    """Uploads the toy classifier as the next version of a model."""

    def upload(by, name="toy", **fields):
        return services.upload_version(by=by, name=name, file=joblib_file(toy_classifier), **fields)

    return upload


@pytest.fixture
def ready(upload):
    """Uploads a version and records that validation found it good."""

    def ready(by, name="toy"):
        version = upload(by, name)
        claimed = services.claim_for_validation(seconds=10, max_attempts=3)
        assert claimed == version
        return services.mark_ready(
            version=claimed,
            task="classification",
            handler="tabular",
            compiled=b"onnx",
            runtime="onnx",
            signature={"version": 1},
        )

    return ready


def stored_files(var_dir):
    return sorted(
        str(path.relative_to(var_dir))
        for top in ("models", "uploads")
        for path in (var_dir / top).rglob("*")
        if path.is_file()
    )


def test_an_upload_makes_a_pending_version_and_changes_nothing_that_is_served(ada, upload, var_dir):
    version = upload(ada, filename="model.pkl")
    assert (version.number, version.status, version.model.owner) == (1, Status.PENDING, ada)
    assert stored_files(var_dir) == [f"models/{ada.pk}/toy/v1/model.joblib"]
    assert artifacts.read_verified(version.served_file)
    assert version.model.open_deployment() is None


def test_versions_count_up_and_a_failed_upload_takes_no_number(ada, upload):
    assert upload(ada).number == 1
    with pytest.raises(ArtifactInvalid):
        services.upload_version(by=ada, name="toy", file=io.BytesIO(b"nonsense"))
    assert upload(ada).number == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"nonsense", "unknown_format"),
        (b"cos\nsystem\n(S'true'\ntR.", "pickle_forbidden_global"),
    ],
)
def test_a_bad_file_leaves_neither_rows_nor_files(ada, var_dir, content, code):
    with pytest.raises(ArtifactInvalid) as refused:
        services.upload_version(by=ada, name="toy", file=io.BytesIO(content))
    assert refused.value.code == code
    assert stored_files(var_dir) == []
    assert not RegisteredModel.objects.exists()


def test_what_fails_in_the_transaction_of_an_upload_leaves_neither_rows_nor_files(ada, upload, var_dir):
    def fail(version):
        assert version.pk
        raise FieldInvalid("Not this one.", field="fallback")

    with pytest.raises(FieldInvalid):
        upload(ada, then=fail)
    assert stored_files(var_dir) == []
    assert not RegisteredModel.objects.exists()


def test_a_file_over_the_limit_is_refused_and_not_kept(ada, upload, var_dir, settings):
    settings.MAX_ARTIFACT_BYTES = 100
    with pytest.raises(ArtifactTooLarge):
        upload(ada)
    assert stored_files(var_dir) == []


def test_a_file_of_exactly_the_limit_is_accepted(ada, toy_file, settings):
    settings.MAX_ARTIFACT_BYTES = len(toy_file.getvalue())
    assert services.upload_version(by=ada, name="toy", file=toy_file).size_bytes == settings.MAX_ARTIFACT_BYTES


def test_a_damaged_upload_is_noticed_by_its_digest(ada, upload):
    with pytest.raises(ArtifactInvalid) as refused:
        upload(ada, sha256="0" * 64)
    assert refused.value.code == "digest_mismatch"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "Not A Name"}, "name"),
        ({"name": "../up"}, "name"),
        ({"task": "sorcery"}, "task"),
        ({"visibility": "everybody"}, "visibility"),
        ({"sample": []}, "sample"),
        ({"sample": [[1, 2]], "expected": ["yes", "no"]}, "expected"),
        ({"metrics": {"auc": float("inf")}}, "metrics"),
        ({"metrics": {"auc": "good"}}, "metrics"),
        ({"tags": [""]}, "tags"),
    ],
)
def test_a_wrong_field_is_named(ada, upload, fields, field):
    with pytest.raises(FieldInvalid) as refused:
        upload(ada, **fields)
    assert refused.value.details["field"] == field


def test_who_may_not_upload_is_refused(db, upload):
    with pytest.raises(Forbidden):
        upload(make_user("viewer@example.org"))


def test_trust_needs_its_own_permission_even_of_the_owner(ada, upload):
    with pytest.raises(Forbidden):
        upload(ada, trusted=True)


def test_another_owners_name_is_taken_when_private_and_forbidden_when_visible(ada, bob, upload):
    model = upload(ada).model
    with pytest.raises(NameTaken):
        upload(bob)
    services.change_model(model=model, by=ada, visibility="internal")
    with pytest.raises(Forbidden):
        upload(bob)
    assert model.versions.count() == 1


def test_formats_that_carry_code_can_be_switched_off(ada, upload, settings):
    settings.CODE_FORMATS_ENABLED = False
    with pytest.raises(Forbidden) as refused:
        upload(ada)
    assert refused.value.code == "format_disabled"


@pytest.mark.parametrize("format", ["joblib", "compressed joblib", "pickle", "skops", "TorchScript", "torch.export"])
def test_switched_off_they_are_refused_whatever_the_files_are_called(ada, settings, format):
    settings.CODE_FORMATS_ENABLED = False
    with pytest.raises(Forbidden) as refused:
        services.upload_version(by=ada, name="toy", file=io.BytesIO(carrying_code(format)), filename="model.onnx")
    assert refused.value.code == "format_disabled"
    assert not RegisteredModel.objects.exists()


def carrying_code(format: str) -> bytes:
    """A good file of a format that can carry code."""
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    if format == "skops":
        return skops.io.dumps(model)
    if format in ("TorchScript", "torch.export"):
        torch = pytest.importorskip("torch")
        from tests import programs

        save = programs.traced if format == "TorchScript" else programs.exported
        return save(programs.made(programs.Network()), torch.zeros(2, 4))
    if format == "pickle":
        return pickle.dumps(model)
    file = io.BytesIO()
    joblib.dump(model, file, compress=3 if format == "compressed joblib" else 0)
    return file.getvalue()


@pytest.mark.django_db(transaction=True)
def test_fifty_parallel_uploads_get_the_numbers_one_to_fifty(ada, toy_file):
    content, errors = toy_file.getvalue(), []

    def upload():
        try:
            services.upload_version(by=ada, name="toy", file=io.BytesIO(content))
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=upload) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(ModelVersion.objects.values_list("number", flat=True)) == list(range(1, 51))
    assert len(set(ModelVersion.objects.values_list("artifact", flat=True))) == 50


# -- Validation's results -----------------------------------------------------------------------------


def test_a_validated_version_is_ready_and_completes_its_model(ada, ready):
    version = ready(ada)
    assert (version.status, version.served_file.path) == (Status.READY, f"{ada.pk}/toy/v1/compiled.onnx")
    assert RegisteredModel.objects.get().task == "classification"


def test_a_claimed_version_is_nobody_elses_until_the_claim_runs_out(ada, upload):
    upload(ada)
    first = services.claim_for_validation(seconds=60, max_attempts=3)
    assert services.claim_for_validation(seconds=60, max_attempts=3) is None
    assert first.renew(seconds=-1)
    second = services.claim_for_validation(seconds=60, max_attempts=3)
    assert second == first
    assert not first.renew(seconds=60)


def test_a_runner_that_lost_its_claim_cannot_write_a_second_time(ada, upload):
    upload(ada)
    slow = services.claim_for_validation(seconds=-1, max_attempts=3)
    quick = services.claim_for_validation(seconds=60, max_attempts=3)
    services.mark_failed(version=quick, code="no_predict", message="It can't predict.")
    with pytest.raises(LeaseLost):
        services.mark_ready(version=slow, task="classification", handler="tabular", compiled=None, runtime="onnx")
    assert ModelVersion.objects.get().status == Status.FAILED


def test_a_version_that_kills_its_runners_is_given_up_with_a_reason(ada, upload):
    upload(ada)
    for _ in range(3):
        assert services.claim_for_validation(seconds=-1, max_attempts=3)
    assert services.claim_for_validation(seconds=60, max_attempts=3) is None
    version = ModelVersion.objects.get()
    assert (version.status, version.failure["code"]) == (Status.FAILED, "gave_up")


def test_an_interrupted_validation_is_not_held_against_the_version(ada, upload):
    upload(ada)
    for _ in range(10):
        services.claim_for_validation(seconds=60, max_attempts=3).release(counts=False)
    assert services.claim_for_validation(seconds=60, max_attempts=3).attempts == 1


def test_trusting_a_failed_version_has_it_validated_again(ada, root, upload):
    version = upload(ada)
    services.mark_failed(
        version=services.claim_for_validation(seconds=60, max_attempts=3),
        code="not_compilable",
        message="No.",
    )
    with pytest.raises(Forbidden):
        services.trust(version=version, by=ada)
    trusted = services.trust(version=version, by=root)
    assert (trusted.status, trusted.trusted_by) == (Status.PENDING, root)
    assert trusted.trusted_at is not None


# -- What is live -------------------------------------------------------------------------------------


def live(model):
    entry = model.open_deployment()
    return entry and entry.version.number


def test_activation_and_roll_back_write_the_ledger(ada, ready):
    first, second, third = ready(ada), ready(ada), ready(ada)
    model = first.model
    for version in (first, second, third):
        services.activate(version=version, by=ada, note=f"v{version.number}")
    assert live(model) == 3
    services.rollback(model=model, by=ada, note="worse")
    assert live(model) == 2
    services.rollback(model=model, by=ada)
    assert live(model) == 1
    with pytest.raises(Conflict) as refused:
        services.rollback(model=model, by=ada)
    assert refused.value.code == "nothing_to_roll_back_to"
    ledger = list(model.deployments.order_by("pk").values_list("version__number", "action", "note"))
    assert ledger == [
        (1, "activate", "v1"),
        (2, "activate", "v2"),
        (3, "activate", "v3"),
        (2, "rollback", "worse"),
        (1, "rollback", ""),
    ]


def test_roll_back_skips_what_was_archived(ada, ready):
    first, second, third = ready(ada), ready(ada), ready(ada)
    for version in (first, second, third):
        services.activate(version=version, by=ada)
    services.archive_version(version=second, by=ada)
    services.rollback(model=first.model, by=ada)
    assert live(first.model) == 1


def test_only_ready_versions_go_live(ada, upload):
    with pytest.raises(VersionNotReady):
        services.activate(version=upload(ada), by=ada)


def test_the_live_version_cannot_be_activated_again_nor_archived(ada, ready):
    version = ready(ada)
    services.activate(version=version, by=ada)
    with pytest.raises(Conflict) as refused:
        services.activate(version=version, by=ada)
    assert refused.value.code == "already_active"
    with pytest.raises(Conflict):
        services.archive_version(version=version, by=ada)


def test_strangers_may_not_activate_unless_they_hold_the_permission(ada, bob, ready):
    version = ready(ada)
    with pytest.raises(Forbidden):
        services.activate(version=version, by=bob)
    services.activate(version=version, by=make_user("operator@example.org", "activate_model"))


def test_the_ledger_cannot_be_edited_or_deleted(ada, ready):
    entry = services.activate(version=ready(ada), by=ada)
    entry.note = "I was never here"
    with pytest.raises(ValidationError):
        entry.save()
    with pytest.raises(ValidationError):
        entry.delete()


def test_the_database_allows_one_live_version_per_model(ada, ready):
    entry = services.activate(version=ready(ada), by=ada)
    from django.db import IntegrityError

    with pytest.raises(IntegrityError), transaction.atomic():
        Deployment.objects.create(
            model=entry.model,
            version=entry.version,
            action="activate",
            by=ada,
            activated_at=entry.activated_at,
        )


@pytest.mark.django_db(transaction=True)
def test_twenty_racing_activations_leave_one_truth_and_a_complete_ledger(ada, ready):
    versions = [ready(ada) for _ in range(4)]
    refused, done = [], []

    def activate(version):
        try:
            done.append(services.activate(version=version, by=ada))
        except Conflict as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=activate, args=(versions[i % 4],)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) + len(refused) == 20
    assert Deployment.objects.filter(closed_at=None).count() == 1
    assert Deployment.objects.count() == len(done)


def test_a_changed_file_is_never_read(ada, upload, var_dir):
    version = upload(ada)
    artifacts.path_of(version.artifact).write_bytes(b"something else")
    with pytest.raises(DigestMismatch):
        artifacts.read_verified(version.served_file)
    artifacts.path_of(version.artifact).unlink()
    with pytest.raises(DigestMismatch):
        artifacts.read_verified(version.served_file)


def test_abandoned_uploads_are_swept_and_fresh_ones_stay(var_dir):
    (var_dir / "uploads" / "old").write_bytes(b"x")
    assert artifacts.sweep(older_than_seconds=3600) == 0
    assert artifacts.sweep(older_than_seconds=-1) == 1
