"""Guessing passwords: at the API and at the admin's door."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import lockout, sign_in
from accounts.errors import CredentialInvalid, SignInLocked
from accounts.models import AuditEvent, SignInAttempts, User
from tests.accounts.racing import at_once

pytestmark = pytest.mark.django_db
LOGIN, PASSWORD = "/api/v1/auth/login", "correct horse battery"


@pytest.fixture(autouse=True)
def no_other_limit(settings: Any) -> None:
    """The limit on requests is another matter."""
    settings.RATE_LIMIT_REQUESTS = 0


def login(password: str = "wrong", address: str = "192.0.2.1", client: Client | None = None, **who: str) -> Any:
    return (client or Client()).post(
        LOGIN, {**who, "password": password}, content_type="application/json", REMOTE_ADDR=address
    )


def statuses(times: int, **who: str) -> list[int]:
    return [login(**who).status_code for _ in range(times)]


def later(**span: float) -> None:
    """Let time pass for every counter."""
    for row in SignInAttempts.objects.all():
        for name in ("since", "last_at", "locked_until"):
            if moment := getattr(row, name):
                setattr(row, name, moment - timedelta(**span))
        row.save()


def test_from_the_sixth_wrong_password_on_the_answer_is_429(ada: Any) -> None:
    assert statuses(20, email=ada.email) == [401] * 5 + [429] * 15
    answer = login(email=ada.email)
    assert answer.json()["error"]["code"] == "sign_in_locked"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_the_right_password_is_locked_out_too_and_works_from_another_network(ada: Any) -> None:
    statuses(6, email=ada.email)
    assert login(PASSWORD, email=ada.email).status_code == 429
    assert login(PASSWORD, address="192.0.2.2", email=ada.email).status_code == 200


def test_other_accounts_are_not_locked(ada: Any, bob: Any) -> None:
    statuses(6, email=ada.email)
    assert login(PASSWORD, email=bob.email).status_code == 200


def test_the_right_password_forgives_what_was_wrong_before(ada: Any) -> None:
    for _ in range(3):
        assert statuses(4, email=ada.email) == [401] * 4
        assert login(PASSWORD, email=ada.email).status_code == 200
    assert not SignInAttempts.objects.exists()


def test_addresses_of_one_network_count_together(ada: Any) -> None:
    codes = [login(email=ada.email, address=f"2001:db8::{number}").status_code for number in range(1, 8)]
    assert codes == [401] * 5 + [429] * 2
    assert login(email=ada.email, address="2001:db8:0:1::1").status_code == 401


def test_all_names_of_one_account_count_together(ada: Any) -> None:
    User.objects.filter(pk=ada.pk).update(username="ada")
    names = [{"email": ada.email}, {"email": ada.email.upper()}, {"username": "ada"}] * 3
    assert [login(**who).status_code for who in names] == [401] * 5 + [429] * 4


def test_a_minute_without_attempts_forgives(ada: Any) -> None:
    statuses(5, email=ada.email)
    later(seconds=61)
    assert statuses(6, email=ada.email) == [401] * 5 + [429]


def test_each_lock_lasts_twice_as_long_up_to_a_bound(ada: Any, settings: Any) -> None:
    settings.SIGN_IN_LOCK_SECONDS, settings.SIGN_IN_LOCK_MAX_SECONDS = 60, 200
    waits = []
    for _ in range(4):
        statuses(5, email=ada.email)
        waits.append(int(login(email=ada.email).headers["Retry-After"]))
        later(seconds=waits[-1] + 1)
    assert waits == [60, 120, 200, 200]


def test_a_day_of_peace_forgets_locks(ada: Any) -> None:
    statuses(6, email=ada.email)
    later(days=1, seconds=1)
    statuses(5, email=ada.email)
    assert int(login(email=ada.email).headers["Retry-After"]) == 60


def test_attempts_during_a_lock_do_not_make_it_longer(ada: Any) -> None:
    statuses(6, email=ada.email)
    until = SignInAttempts.objects.get().locked_until
    statuses(5, email=ada.email)
    assert SignInAttempts.objects.get().locked_until == until


def test_the_answers_tell_nothing_about_the_account(ada: Any, bob: Any) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    told = []
    for who in ({"email": ada.email}, {"email": bob.email}, {"email": "no@example.org"}, {"username": "nobody"}):
        answers = [login(PASSWORD if who == {"email": bob.email} else "wrong", **who) for _ in range(7)]
        told.append([(answer.status_code, answer.json()["error"] | {"request_id": ""}) for answer in answers])
    assert all(answers == told[0] for answers in told[1:])


def test_the_same_work_is_done_for_every_kind_of_failure(ada: Any, bob: Any, monkeypatch: Any) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    login(email="first@example.org")  # makes the row that locks the trail
    hashed: list[str] = []
    real = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda self, *args: hashed.append(args[0]) or real(self, *args))
    work = []
    kinds = [({"email": ada.email}, "wrong"), ({"email": bob.email}, PASSWORD), ({"email": "no@example.org"}, "x")]
    for who, password in kinds:
        hashed.clear()
        with CaptureQueriesContext(connection) as asked:
            assert login(password, **who).status_code == 401
        work.append((hashed == [password], [query["sql"].split()[0] for query in asked]))
    assert work[0][0]
    assert work[1:] == [work[0]] * 2


@pytest.mark.django_db(transaction=True)
def test_of_twenty_guesses_at_once_no_more_than_five_reach_the_password(ada: Any) -> None:
    answers = at_once(lambda: login(email=ada.email).status_code, times=20)
    assert Counter(answers) == {401: 5, 429: 15}


def test_failures_and_one_lock_are_written_down_without_what_was_typed(ada: Any) -> None:
    statuses(9, email=ada.email)
    login("hunter2", email="hunter2@example.org")
    login(PASSWORD, address="192.0.2.9", email=ada.email)
    events = Counter(AuditEvent.objects.values_list("action", "target_name"))
    assert events == {
        ("account.sign_in_failed", ada.email): 5,
        ("account.sign_in_locked", ada.email): 1,
        ("account.sign_in_failed", ""): 1,
        ("account.signed_in", ada.email): 1,
    }
    assert "hunter2" not in str(list(AuditEvent.objects.values()))
    assert AuditEvent.objects.get(action="account.sign_in_locked").address == "192.0.2.1"


def test_the_counters_tell_nobody_who_was_tried(ada: Any) -> None:
    login(email=ada.email)
    assert ada.email not in str(list(SignInAttempts.objects.values()))


def admin_login(email: str, password: str = "wrong", address: str = "192.0.2.1") -> Any:
    return Client().post(reverse("admin:login"), {"username": email, "password": password}, REMOTE_ADDR=address)


def test_the_admins_door_locks_with_a_clear_message(root: Any) -> None:
    answers = [admin_login(root.email) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert b"Too many wrong passwords: try again in" in answers[-1].content
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert admin_login(root.email, PASSWORD).status_code == 429
    assert admin_login(root.email, PASSWORD, address="192.0.2.2").status_code == 302


def test_both_doors_count_together(root: Any) -> None:
    statuses(3, email=root.email)
    assert [admin_login(root.email).status_code for _ in range(3)] == [200, 200, 429]


def test_the_admin_opens_for_staff_and_says_the_same_to_everybody_else(root: Any, ada: Any) -> None:
    assert admin_login(root.email, PASSWORD).status_code == 302
    refused = [
        admin_login(ada.email, PASSWORD),
        admin_login(ada.email, "wrong"),
        admin_login("no@example.org", PASSWORD),
    ]
    assert {answer.status_code for answer in refused} == {200}
    errors = {str(answer.context_data["form"].non_field_errors()) for answer in refused}
    assert len(errors) == 1
    assert [event.details for event in AuditEvent.objects.filter(action="account.signed_in")] == [{"door": "admin"}]


def test_old_counters_are_pruned_and_others_kept() -> None:
    lockout.count(name="old", address="192.0.2.1")
    SignInAttempts.objects.update(last_at=timezone.now() - timedelta(days=2))
    lockout.count(name="new", address="192.0.2.1")
    assert lockout.prune() == 1
    assert lockout.prune() == 0
    assert SignInAttempts.objects.count() == 1


def test_without_the_audit_trail_nobody_signs_in(ada: Any, monkeypatch: Any) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("no trail")

    monkeypatch.setattr("accounts.audit.record", broken)
    with pytest.raises(DatabaseError):
        sign_in.sign_in(email=ada.email, password=PASSWORD, door="api")


def test_signing_in_outside_a_request_is_counted_too(ada: Any) -> None:
    for _ in range(5):
        with pytest.raises(CredentialInvalid):
            sign_in.sign_in(email=ada.email, password="wrong", door="command")
    with pytest.raises(SignInLocked):
        sign_in.sign_in(email=ada.email, password=PASSWORD, door="command")
