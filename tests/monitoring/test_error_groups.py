"""Errors come together by origin, reach the database when it is there, and never make anything worse."""

import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent
from mlplatform import logs
from monitoring.error_groups import capture, writing
from monitoring.models import ErrorGroup

log = logging.getLogger("tests.errors")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def captured() -> Iterator[None]:
    """The handler as the settings declare it; pytest has taken the one that was there."""
    assert settings.LOGGING["handlers"]["errors"]["class"].endswith("Capture")
    handler = capture.Capture(level=logging.ERROR)
    handler.setFormatter(logs.formatter("json"))
    root = logging.getLogger()
    before = list(root.handlers)
    root.handlers = [one for one in before if not isinstance(one, capture.Capture)] + [handler]
    capture.take()
    yield
    root.handlers = before


def stumble(value: Any) -> None:
    raise ValueError(f"no room for {value}")


def fail(times: int = 1, *, text: str = "Request %s failed.") -> None:
    for number in range(times):
        try:
            stumble(number)
        except ValueError:
            log.exception(text, f"r-{number}", extra={"request_id": f"r-{number}", "model": "churn"})


def test_errors_of_one_origin_are_one_group_whatever_their_words() -> None:
    fail(7)
    assert writing.write() == 1

    group = ErrorGroup.objects.get()
    assert (group.count, group.kind, group.model_name) == (7, "builtins.ValueError", "churn")
    assert group.place.endswith("test_error_groups.py: stumble")
    assert group.request_id.startswith("r-")
    assert "Traceback" in group.trace
    assert group.first_seen_at <= group.last_seen_at


def test_other_kinds_and_events_without_an_error_are_groups_of_their_own() -> None:
    fail()
    for number in range(3):
        log.error("ALARM: %s is damaged", f"model:{number}")
    log.critical("the disk is full")
    log.warning("this is no error")
    writing.write()

    assert sorted(ErrorGroup.objects.values_list("count", "kind")) == [
        (1, "builtins.ValueError"), (1, "critical"), (3, "error"),
    ]  # fmt: skip


def test_what_comes_again_is_added_and_opens_a_group_that_was_dealt_with(root: Any) -> None:
    fail(2)
    writing.write()
    group = ErrorGroup.objects.get()
    writing.resolve(group=group, by=root)
    group.refresh_from_db()
    assert (group.resolved_by, AuditEvent.objects.filter(action="error.resolved").count()) == (root, 1)

    fail(3)
    writing.write()

    group.refresh_from_db()
    assert (group.count, group.resolved_at) == (5, None)
    assert writing.write() == 0


@pytest.mark.parametrize("kind", [DatabaseError, InterfaceError])
def test_while_the_database_is_away_errors_wait(monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    def away(*args: Any) -> None:
        log.error("the database is away")
        raise kind("away")

    fail(4)
    with monkeypatch.context() as broken:
        broken.setattr(writing, "_write", away)
        for _ in range(5):
            with pytest.raises(kind):
                writing.write()
    fail(1)

    assert writing.write() == 1, "errors of writing errors must not breed"
    assert ErrorGroup.objects.get().count == 5


def test_a_storm_of_different_errors_stays_bounded() -> None:
    for number in range(capture.MOST_WAITING + 50):
        log.error(f"number {number} of many")
    writing.write()

    assert ErrorGroup.objects.count() == capture.MOST_WAITING + 1
    assert ErrorGroup.objects.get(fingerprint="overflow").count == 50


def test_a_sample_holds_no_secret() -> None:
    try:
        raise RuntimeError("postgres://app:hunter22@db/ml is gone")
    except RuntimeError:
        log.exception("with password=hunter22\x00")
    writing.write()

    group = ErrorGroup.objects.get()
    assert "hunter22" not in group.trace + group.message


def test_threads_lose_no_count() -> None:
    threads = [threading.Thread(target=fail, args=(50,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writing.write()

    assert ErrorGroup.objects.get().count == 200


def test_old_groups_and_those_beyond_the_bound_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_KEPT", 3)
    now = timezone.now()
    for days in (0, 1, 2, 3, writing.KEPT_DAYS + 1):
        at = now - timedelta(days=days)
        ErrorGroup.objects.create(fingerprint=str(days), message="m", first_seen_at=at, last_seen_at=at)

    assert writing.prune() == 2
    assert set(ErrorGroup.objects.values_list("fingerprint", flat=True)) == {"0", "1", "2"}


class TestThePage:
    def test_it_shows_what_happened_and_lets_it_be_dealt_with(self, client: Client, root: Any) -> None:
        fail(2)
        log.error("<script>alert(1)</script>")
        writing.write()
        client.force_login(root)

        page = client.get("/admin/monitoring/errorgroup/").content.decode()
        assert "ValueError" in page
        assert "<script>alert(1)" not in page
        group = ErrorGroup.objects.get(kind="builtins.ValueError")
        detail = client.get(f"/admin/monitoring/errorgroup/{group.pk}/change/").content.decode()
        assert "stumble" in detail
        assert group.request_id in detail

        client.post("/admin/monitoring/errorgroup/", {"action": "resolve", "_selected_action": [group.pk]})
        group.refresh_from_db()
        assert group.resolved_by == root
        assert "ValueError" not in client.get("/admin/monitoring/errorgroup/?state=open").content.decode()

    def test_when_nothing_went_wrong_it_says_so(self, client: Client, root: Any) -> None:
        client.force_login(root)

        assert "Nothing has gone wrong" in client.get("/admin/monitoring/errorgroup/").content.decode()

    def test_it_takes_a_right(self, client: Client, ada: Any) -> None:
        ada.is_staff = True
        ada.save()
        client.force_login(ada)

        assert client.get("/admin/monitoring/errorgroup/").status_code == 403


def test_a_failing_view_ends_up_in_a_group_under_its_requests_id(
    ada: Any, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    from accounts.services import create_key
    from registry import resolver

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise LookupError("a mistake of ours")

    monkeypatch.setattr(resolver, "resolve", broken)
    _, key = create_key(by=ada, owner=ada, name="k", scopes=["predict"])
    answer = client.post(
        "/api/v1/predict/churn", b'{"instances": [[1]]}', "application/json", headers={"X-API-Key": key}
    )
    writing.write()

    assert answer.status_code == 500
    group = ErrorGroup.objects.get()
    assert (group.count, group.kind, group.code) == (1, "builtins.LookupError", "internal_error")
    assert group.request_id == answer.json()["error"]["request_id"]
    assert group.model_name == "churn"
