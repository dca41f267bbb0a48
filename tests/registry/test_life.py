"""The later life of versions and models: deprecated, archived, restored."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts.models import AuditEvent
from registry import resolver, services
from registry.errors import Conflict, FieldInvalid, Forbidden, ModelNotFound, VersionNotReady
from registry.leases import LeaseLost
from registry.models import Deployment, ModelVersion, Status, VersionEvent
from tests import toys

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_deprecated_version_is_still_served_and_can_be_restored(ada, served_version):
    version = served_version()
    services.activate(version=version, by=ada)
    services.deprecate(version=version, by=ada, note="use 2 from May on")
    assert resolver.resolve("oracle", user=ada).is_deprecated
    with pytest.raises(Conflict) as refused:
        services.deprecate(version=version, by=ada)
    assert refused.value.code == "already_deprecated"
    assert services.restore_version(version=version, by=ada).status == Status.READY
    assert not resolver.resolve("oracle", user=ada).is_deprecated


def test_each_step_is_told_with_its_reason_in_the_events_and_the_audit_trail(ada, served_version):
    version = served_version()
    services.deprecate(version=version, by=ada, note="old")
    services.archive_version(version=version, by=ada, note="older")
    services.restore_version(version=version, by=ada, note="after all")
    told = [(event.kind, event.note, event.details, event.by) for event in version.events.order_by("pk")]
    assert told == [
        ("deprecated", "old", {"was": "ready"}, ada),
        ("archived", "older", {"was": "deprecated"}, ada),
        ("restored", "after all", {"was": "archived"}, ada),
    ]
    audited = AuditEvent.objects.filter(action__startswith="version.").order_by("number")
    assert [event.action for event in audited][-3:] == ["version.deprecated", "version.archived", "version.restored"]


def test_events_are_neither_edited_nor_deleted(ada, served_version):
    services.deprecate(version=served_version(), by=ada, note="old")
    event = VersionEvent.objects.get()
    with pytest.raises(ValidationError):
        event.save()
    with pytest.raises(ValidationError):
        event.delete()


def test_only_what_can_be_served_is_deprecated(ada, toy_file):
    version = services.upload_version(by=ada, name="toy", file=toy_file)
    with pytest.raises(VersionNotReady):
        services.deprecate(version=version, by=ada)


def test_an_archived_version_cannot_be_called_and_keeps_its_file(ada, served_version, var_dir):
    version = served_version()
    services.archive_version(version=version, by=ada)
    with pytest.raises(VersionNotReady):
        resolver.resolve("oracle:1", user=ada)
    assert (var_dir / "models" / version.artifact).read_bytes() == toys.oracle(1.0)


def test_restoring_what_was_not_retired_is_a_conflict(ada, served_version):
    with pytest.raises(Conflict) as refused:
        services.restore_version(version=served_version(), by=ada)
    assert refused.value.code == "not_retired"


def test_a_version_archived_while_it_is_validated_drops_the_verdict_and_is_validated_when_restored(ada, toy_file):
    version = services.upload_version(by=ada, name="toy", file=toy_file)
    claimed = services.claim_for_validation(seconds=60, max_attempts=3)
    services.archive_version(version=version, by=ada)
    with pytest.raises(LeaseLost):
        services.mark_failed(version=claimed, code="no_predict", message="It can't predict.")
    assert services.claim_for_validation(seconds=60, max_attempts=3) is None
    assert services.restore_version(version=version, by=ada).status == Status.PENDING
    assert services.claim_for_validation(seconds=60, max_attempts=3) == version


def test_a_failed_version_is_restored_as_failed(ada, toy_file):
    services.upload_version(by=ada, name="toy", file=toy_file)
    claimed = services.claim_for_validation(seconds=60, max_attempts=3)
    failed = services.mark_failed(version=claimed, code="no_predict", message="It can't predict.")
    services.archive_version(version=failed, by=ada)
    assert services.restore_version(version=failed, by=ada).status == Status.FAILED


def test_strangers_change_nothing(ada, bob, served_version):
    version = served_version()
    for step in (services.deprecate, services.archive_version, services.restore_version, services.describe_version):
        with pytest.raises(Forbidden):
            step(version=version, by=bob)


def test_an_archived_model_is_served_again_once_it_is_restored(ada, served_version):
    version = served_version()
    services.activate(version=version, by=ada)
    services.archive_model(model=version.model, by=ada, note="gone")
    with pytest.raises(ModelNotFound):
        resolver.resolve("oracle", user=ada)
    with pytest.raises(Conflict) as refused:
        services.activate(version=served_version_again(version), by=ada)
    assert refused.value.code == "model_archived"
    services.restore_model(model=version.model, by=ada)
    assert resolver.resolve("oracle", user=ada).number == 1
    with pytest.raises(Conflict):
        services.restore_model(model=version.model, by=ada)


def served_version_again(version):
    return ModelVersion.objects.select_related("model").get(pk=version.pk)


@pytest.mark.django_db(transaction=True)
def test_racing_archivings_and_activations_never_leave_an_archived_version_live(ada, served_version):
    served_version()
    versions = [served_version() for _ in range(6)]

    def run(act, version):
        try:
            act(version=version, by=ada)
        except (Conflict, VersionNotReady):
            pass
        finally:
            connection.close()

    acts = [(act, version) for version in versions for act in (services.activate, services.archive_version)]
    threads = [threading.Thread(target=run, args=pair) for pair in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    live = Deployment.objects.filter(closed_at=None).values_list("version__status", flat=True)
    assert set(live) <= {Status.READY}
    assert ModelVersion.objects.filter(status=Status.ARCHIVED).exists()


# -- What people say about a version ------------------------------------------------------------------


def test_tags_notes_and_metrics_of_a_version_are_changed_and_the_rest_stays(ada, served_version):
    version = served_version()
    changed = services.describe_version(
        version=version,
        by=ada,
        tags=["candidate"],
        notes="Trained on May.",
        metrics=[{"name": "r2", "value": 0.7, "dataset": "test"}, {"name": "r2", "value": 0.9, "dataset": "train"}],
    )
    assert (changed.tags, changed.notes) == (["candidate"], "Trained on May.")
    assert [(metric["dataset"], metric["value"]) for metric in changed.metrics] == [("test", 0.7), ("train", 0.9)]
    assert services.describe_version(version=version, by=ada, notes="").tags == ["candidate"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"tags": ["a", "a"]}, "tags"),
        ({"tags": ["x" * 51]}, "tags"),
        ({"tags": "a"}, "tags"),
        ({"notes": "x" * 20_001}, "notes"),
        ({"notes": "\x00"}, "notes"),
        ({"metrics": {"auc": float("nan")}}, "metrics"),
        ({"metrics": {"auc": True}}, "metrics"),
        ({"metrics": {"": 1.0}}, "metrics"),
        ({"metrics": [{"name": "auc"}]}, "metrics"),
        ({"metrics": [{"name": "auc", "value": 1, "unit": "m"}]}, "metrics"),
        ({"metrics": [{"name": "auc", "value": 1}, {"name": "auc", "value": 2, "dataset": ""}]}, "metrics"),
        ({"metrics": "0.9"}, "metrics"),
    ],
)
def test_what_is_no_tag_note_or_metric_is_refused_by_field(ada, served_version, given, field):
    with pytest.raises(FieldInvalid) as refused:
        services.describe_version(version=served_version(), by=ada, **given)
    assert refused.value.details["field"] == field
