"""The audit trail: what it holds, that it only grows, and that tampering is found."""

import io
import threading
from contextlib import suppress
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from accounts import audit, keys, origin, tokens
from accounts.models import AuditEvent, AuditHead
from tests.accounts.racing import at_once

pytestmark = pytest.mark.django_db
TABLE = AuditEvent._meta.db_table


def sql(statement: str, *values: Any) -> None:
    """As somebody who has the database's own rights: past the code and past the database's guard."""
    guarded = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        if guarded:
            cursor.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER USER")
        cursor.execute(statement, values)
        if guarded:
            cursor.execute(f"ALTER TABLE {TABLE} ENABLE TRIGGER USER")


@pytest.fixture
def trail(ada: Any) -> list[AuditEvent]:
    """Five events."""
    return [audit.record("thing.done", by=ada, target=ada, details={"step": step}) for step in range(5)]


def test_an_event_says_who_what_where_and_when(ada: Any, key_of: Any) -> None:
    key, _ = key_of(ada)
    with origin.of_request({"REMOTE_ADDR": "192.0.2.7"}, "request-1"):
        origin.note_caller(ada.pk, str(key.pk))
        number = audit.record("thing.done", by=ada, target=key, details={"n": 1, "names": ["a"]}).number
    event = AuditEvent.objects.get(pk=number)
    assert (event.actor_id, event.actor, event.key) == (ada.pk, ada.email, str(key.pk))
    assert (event.target_type, event.target_id, event.target_name) == ("accounts.apikey", str(key.pk), str(key))
    assert (event.address, event.request_id) == ("192.0.2.7", "request-1")
    assert event.details == {"n": 1, "names": ["a"]}


def test_outside_requests_there_is_no_address(ada: Any) -> None:
    event = audit.record("thing.done", by=None)
    assert (event.actor_id, event.actor, event.address, event.request_id, event.key) == (None, "", "", "", "")


def test_a_request_leaves_no_origin_behind(client: Any, db: None) -> None:
    client.get("/api/v1/auth/me", headers={"x-request-id": "mine"})
    assert origin.current().request_id == ""


def test_an_origin_is_not_seen_by_another_thread() -> None:
    seen = []
    with origin.of_request({}, "mine"):
        thread = threading.Thread(target=lambda: seen.append(origin.current().request_id))
        thread.start()
        thread.join()
    assert seen == [""]


def test_numbers_have_no_gaps_and_the_trail_verifies(trail: list[AuditEvent]) -> None:
    first = trail[0].number
    assert [event.number for event in trail] == list(range(first, first + 5))
    verdict = audit.verify()
    assert (verdict.first_bad, verdict.count, verdict.head) == (None, trail[-1].number, trail[-1].hash)


def test_a_trail_without_events_is_sound() -> None:
    assert audit.verify() == audit.Verdict(0, audit.FIRST_HASH)


@pytest.mark.parametrize(
    "details",
    [
        {"f": 1.5, "big": 10**30, "e": 1e300, "t": (1, 2), "s": {"b", "a"}, "none": None, "yes": True},
        {"text": "ü\x00\ud800\u2028", "deep": {"a": [{"b": "c"}]}},
        {"z": 1, "a": 2, "m": 3},
    ],
)
def test_any_plain_details_come_back_with_the_hash_they_were_stored_under(details: Any) -> None:
    audit.record("thing.done", by=None, details=details)
    assert audit.verify().first_bad is None


def test_what_fails_leaves_no_event(ada: Any) -> None:
    before = audit.verify()
    with suppress(RuntimeError), transaction.atomic():
        audit.record("thing.done", by=ada)
        raise RuntimeError
    assert audit.verify() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda event: event.save(),
        lambda event: event.save(force_update=True),
        lambda event: event.delete(),
        lambda event: AuditEvent.objects.filter(pk=event.pk).update(action="other.thing"),
        lambda event: AuditEvent.objects.all().delete(),
        lambda event: AuditEvent.objects.bulk_update([event], ["action"]),
        lambda event: AuditEvent.objects.bulk_create([AuditEvent(number=99)]),
    ],
)
def test_the_code_changes_and_deletes_no_event(change: Any, trail: list[AuditEvent]) -> None:
    with pytest.raises(ValidationError):
        change(trail[2])
    assert audit.verify().first_bad is None


def test_an_event_that_went_past_the_door_is_found(trail: list[AuditEvent]) -> None:
    forged = AuditEvent(number=trail[-1].number + 1, at=trail[-1].at, action="thing.done", previous_hash=trail[-1].hash)
    forged.hash = audit.hash_of(forged)
    forged.save(force_insert=True)
    assert audit.verify().first_bad == forged.number


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no rights to withhold")
@pytest.mark.parametrize("statement", ["UPDATE {} SET action = 'x.y'", "DELETE FROM {}"])
def test_the_database_refuses_the_application_too(statement: str, trail: list[AuditEvent]) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(TABLE))
    assert audit.verify().first_bad is None


@pytest.mark.parametrize("column", ["action", "actor", "address", "target_name", "hash", "request_id", "key"])
def test_one_changed_word_is_found_at_its_event(column: str, trail: list[AuditEvent]) -> None:
    sql(f"UPDATE {TABLE} SET {column} = 'x.y' WHERE number = %s", trail[2].number)
    assert audit.verify().first_bad == trail[2].number


def test_changed_details_and_times_are_found(trail: list[AuditEvent]) -> None:
    sql(f"UPDATE {TABLE} SET details = %s WHERE number = %s", '{"step": 7}', trail[3].number)
    assert audit.verify().first_bad == trail[3].number


@pytest.mark.parametrize("which", [0, 2, 4])
def test_a_missing_event_is_found(which: int, trail: list[AuditEvent]) -> None:
    sql(f"DELETE FROM {TABLE} WHERE number = %s", trail[which].number)
    assert audit.verify().first_bad == trail[which].number


def test_an_event_whose_hash_was_made_anew_breaks_the_next_one(trail: list[AuditEvent]) -> None:
    forged = AuditEvent.objects.get(pk=trail[1].pk)
    forged.action = "other.thing"
    sql(
        f"UPDATE {TABLE} SET action = 'other.thing', hash = %s WHERE number = %s",
        audit.hash_of(forged),
        forged.number,
    )
    assert audit.verify().first_bad == trail[2].number


def test_the_command_ends_with_an_error_that_names_the_event(trail: list[AuditEvent]) -> None:
    out = io.StringIO()
    call_command("verify_audit", stdout=out)
    known = out.getvalue().split()[-1]
    assert known == f"{trail[-1].number}:{trail[-1].hash}"
    call_command("verify_audit", knows=known, stdout=out)
    sql(f"UPDATE {TABLE} SET actor = '' WHERE number = %s", trail[1].number)
    with pytest.raises(CommandError, match=f"Event {trail[1].number}: it was changed"):
        call_command("verify_audit", stdout=out)


def test_a_trail_that_was_written_anew_is_not_the_one_that_was_known(trail: list[AuditEvent]) -> None:
    known = f"{trail[3].number}:{trail[3].hash}"
    sql(f"DELETE FROM {TABLE}")
    AuditHead.objects.all().delete()
    for _ in range(trail[-1].number):
        audit.record("thing.done", by=None)
    call_command("verify_audit", stdout=io.StringIO())
    with pytest.raises(CommandError, match="not the one that was known"):
        call_command("verify_audit", knows=known, stdout=io.StringIO())


@pytest.mark.parametrize("known", ["x", "1", "1:", "-1:a", "9" * 30 + ":a", ":"])
def test_what_is_no_number_and_hash_is_refused(known: str) -> None:
    with pytest.raises(CommandError):
        call_command("verify_audit", knows=known, stdout=io.StringIO())


@pytest.mark.django_db(transaction=True)
def test_events_that_race_form_one_chain(ada: Any) -> None:
    before = audit.verify().count
    results = at_once(lambda: audit.record("thing.done", by=ada).number, times=12)
    assert sorted(results) == list(range(before + 1, before + 13))
    assert audit.verify() == audit.Verdict(before + 12, AuditHead.objects.get().hash)


@pytest.mark.parametrize("name", ["password", "new_password", "refresh", "secret", "api_token"])
def test_a_detail_named_like_a_secret_is_a_mistake(name: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        audit.record("thing.done", by=None, details={"deep": {name: "x"}})


def test_keys_and_tokens_never_get_in(ada: Any) -> None:
    text, token = str(keys.make()), tokens.issue(ada).access
    event = audit.record("thing.done", by=ada, details={"note": f"see {text} and {token}"})
    assert text.rsplit("_", 1)[1] not in str(event.details)
    assert token.split(".")[1] not in str(event.details)
    assert event.details["note"].count("[removed]") == 2


@pytest.mark.parametrize("action", ["", "done", "Thing.Done", "thing done", "a.b.c", "thing.done\n"])
def test_an_action_has_one_shape(action: str) -> None:
    with pytest.raises(ValueError, match=r"thing\.done"):
        audit.record(action, by=None)
