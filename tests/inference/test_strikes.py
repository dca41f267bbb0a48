import pytest

from accounts.models import AuditEvent
from inference import process, strikes
from inference.errors import DeadlineExceeded
from inference.models import Strike
from registry import resolver, services
from registry.errors import VersionQuarantined
from registry.models import Deployment
from tests.live.stack import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def both(ada, served_version):
    """Two versions, the second live after the first."""
    first, second = served_version(offset=1), served_version(offset=2)
    for version in (first, second):
        services.activate(version=version, by=ada)
    return first, second


def overrun(version, *, ran_seconds=29.0, rows=1, still_runs=None):
    error = DeadlineExceeded("oracle", deadline_seconds=30.0, ran_seconds=ran_seconds, still_runs=still_runs)
    strikes.note_overrun(error, served=resolver.served(version), rows=rows)


def live(version):
    return version.model.open_deployment().version.number


def test_three_overruns_in_a_minute_take_the_version_out_and_bring_back_the_one_before(both, ada):
    _, second = both
    for _ in range(2):
        overrun(second)
    assert live(second) == 2
    overrun(second)
    assert live(second) == 1
    assert resolver.resolve("oracle", user=ada).number == 1
    second.refresh_from_db()
    assert second.quarantined_at is not None
    assert second.quarantine_reason.startswith("3 overrun deadlines within 60 seconds.")
    entry = Deployment.objects.get(closed_at=None)
    assert (entry.action, entry.note.startswith("Rolled back by the platform: 3 overrun")) == ("rollback", True)
    assert set(AuditEvent.objects.filter(actor="").values_list("action", flat=True)) >= {
        "version.quarantined",
        "version.rolled_back",
    }
    assert second.events.get().kind == "quarantined"


def test_a_version_in_quarantine_is_neither_served_nor_activated_until_it_is_restored(both, ada):
    _, second = both
    services.quarantine(version=second, reason="it crashed")
    second.refresh_from_db()
    with pytest.raises(VersionQuarantined, match="it crashed"):
        resolver.resolve("oracle:2", user=ada)
    with pytest.raises(VersionQuarantined):
        services.activate(version=second, by=ada)
    services.restore_version(version=second, by=ada, note="fixed")
    services.activate(version=second, by=ada)
    assert resolver.resolve("oracle", user=ada).number == 2


def test_with_nothing_to_go_back_to_the_model_says_that_it_is_out_of_service(ada, served_version):
    version = served_version()
    services.activate(version=version, by=ada)
    assert services.quarantine(version=version, reason="it crashed") is None
    with pytest.raises(VersionQuarantined):
        resolver.resolve("oracle", user=ada)
    assert resolver.live() == []


def test_what_merely_waited_and_large_batches_are_no_strikes(both):
    _, second = both
    for _ in range(5):
        overrun(second, ran_seconds=1.0)
        overrun(second, rows=17)
    assert not Strike.objects.exists()


def test_a_call_that_many_requests_shared_is_one_strike(both):
    """They ran as one call, or waited for the same answer, and are all told of the same error."""
    shared = DeadlineExceeded("oracle", deadline_seconds=30.0, ran_seconds=29.0)
    for _ in range(5):
        strikes.note_overrun(shared, served=resolver.served(both[1]), rows=1)
    assert Strike.objects.count() == 1


def test_strikes_before_a_restore_do_not_count_any_more(both, ada):
    _, second = both
    for _ in range(3):
        overrun(second)
    services.restore_version(version=second, by=ada)
    overrun(second)
    second.refresh_from_db()
    assert second.quarantined_at is None


def test_a_model_that_can_not_be_stopped_has_its_process_replaced(both, monkeypatch):
    reasons = []
    monkeypatch.setattr(process, "recycle", reasons.append)
    monkeypatch.setattr(strikes, "GRACE_SECONDS", 0.01)
    overrun(both[1], still_runs=lambda: True)
    wait_until(lambda: reasons, 60)
    assert "oracle:2" in reasons[0]


def test_a_model_that_ends_soon_after_its_deadline_does_not(both, monkeypatch):
    asked, reasons = [], []
    monkeypatch.setattr(process, "recycle", reasons.append)
    monkeypatch.setattr(strikes, "GRACE_SECONDS", 0.01)
    overrun(both[1], still_runs=lambda: asked.append(1))
    wait_until(lambda: asked, 60)
    assert not reasons
