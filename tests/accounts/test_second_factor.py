"""The second factor itself: enrolling, codes, recovery codes, removal, what the trail and the tables hold."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import audit, checks, second_factor
from accounts.errors import Forbidden, SecondFactorInvalid, SecondFactorMissing, SignInLocked
from accounts.models import AuditEvent
from tests.accounts.authenticator import App, one_clock, patience  # noqa: F401 - a fixture
from tests.accounts.racing import at_once

pytestmark = pytest.mark.django_db


def actions() -> list[str]:
    return list(
        AuditEvent.objects.filter(action__startswith="second_factor.")
        .order_by("number")
        .values_list("action", flat=True)
    )


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def codes(app: App, root: Any) -> list[str]:
    """Root has a second factor; these are the recovery codes."""
    return second_factor.enrol(by=root, secret=app.secret, code=app.code())


def test_enrolling_takes_a_code_of_the_app(app: App, root: Any) -> None:
    other = App()
    with pytest.raises(SecondFactorInvalid):
        second_factor.enrol(by=root, secret=app.secret, code=other.code())
    assert second_factor.enrolment_of(root) is None
    assert not TOTPDevice.objects.exists()

    assert len(set(second_factor.enrol(by=root, secret=app.secret, code=app.code()))) == 10
    assert second_factor.enrolment_of(root) is not None
    assert actions() == ["second_factor.enrolled"]


def test_a_person_has_one_second_factor(codes: list[str], root: Any) -> None:
    other = App()
    with pytest.raises(Forbidden):
        second_factor.enrol(by=root, secret=other.secret, code=other.code())
    assert TOTPDevice.objects.count() == 1


def test_a_code_is_taken_once(app: App, codes: list[str], root: Any) -> None:
    code = app.code()
    assert second_factor.verify(by=root, code=code) == second_factor.enrolment_of(root)
    with pytest.raises(SecondFactorInvalid):
        second_factor.verify(by=root, code=code)
    assert actions()[1:] == ["second_factor.verified", "second_factor.failed"]


def test_the_code_of_the_enrolment_opens_nothing(app: App, root: Any) -> None:
    code = app.code()
    second_factor.enrol(by=root, secret=app.secret, code=code)
    with pytest.raises(SecondFactorInvalid):
        second_factor.verify(by=root, code=code)


def test_a_recovery_code_works_once_however_it_is_written(codes: list[str], root: Any) -> None:
    second_factor.verify(by=root, code=f" {codes[0].upper().replace('-', ' ')}")
    with pytest.raises(SecondFactorInvalid):
        second_factor.verify(by=root, code=codes[0])
    patience()
    second_factor.verify(by=root, code=codes[1])
    assert second_factor.recovery_codes_left(root) == 8
    assert actions()[1:] == [
        "second_factor.recovery_code_used",
        "second_factor.failed",
        "second_factor.recovery_code_used",
    ]


def test_recovery_codes_are_not_stored_and_are_good_for_their_owner_only(codes: list[str], root: Any, ada: Any) -> None:
    stored = set(StaticToken.objects.values_list("token", flat=True))
    assert stored.isdisjoint({code.replace("-", "") for code in codes} | set(codes))
    for token in stored:
        with pytest.raises((SecondFactorInvalid, SignInLocked)):
            second_factor.verify(by=root, code=token)
    app = App()
    second_factor.enrol(by=ada, secret=app.secret, code=app.code())
    with pytest.raises(SecondFactorInvalid):
        second_factor.verify(by=ada, code=codes[0])


@pytest.mark.parametrize("code", ["", "0", "1_0000", "١٢٣٤٥٦", "\x00", "\ud800", "-12345", "9" * 500])
def test_what_is_no_code_is_refused(code: str, codes: list[str], root: Any) -> None:
    with pytest.raises(SecondFactorInvalid):
        second_factor.verify(by=root, code=code)


def test_after_a_wrong_code_the_right_one_has_to_wait(app: App, codes: list[str], root: Any) -> None:
    with pytest.raises(SecondFactorInvalid):
        second_factor.verify(by=root, code="000000")
    right = app.code()
    with pytest.raises(SignInLocked) as refused:
        second_factor.verify(by=root, code=right)
    assert refused.value.details["retry_after_seconds"] >= 1
    patience()
    second_factor.verify(by=root, code=right)


def test_too_many_wrong_codes_lock_even_a_patient_guesser(app: App, codes: list[str], root: Any) -> None:
    for _ in range(settings.SIGN_IN_ATTEMPTS):
        patience()
        with pytest.raises(SecondFactorInvalid):
            second_factor.verify(by=root, code="wrong")
    patience()
    with pytest.raises(SignInLocked) as refused:
        second_factor.verify(by=root, code=app.code())
    assert refused.value.starts
    assert actions()[-1] == "second_factor.locked"


def test_new_recovery_codes_end_the_old_ones(app: App, codes: list[str], root: Any) -> None:
    renewed = second_factor.renew_recovery_codes(by=root, code=app.code())
    assert len(renewed) == 10
    with pytest.raises(SecondFactorInvalid):
        second_factor.verify(by=root, code=codes[0])
    patience()
    second_factor.verify(by=root, code=renewed[0])


def test_ones_own_is_removed_only_with_a_code(app: App, codes: list[str], root: Any) -> None:
    with pytest.raises(SecondFactorInvalid):
        second_factor.remove_own(by=root, code="000000")
    assert second_factor.enrolment_of(root) is not None
    patience()
    second_factor.remove_own(by=root, code=app.code())
    assert second_factor.enrolment_of(root) is None
    assert not StaticToken.objects.exists()
    assert actions()[-1] == "second_factor.removed"


def test_only_superusers_remove_that_of_others(app: App, ada: Any, bob: Any, root: Any) -> None:
    second_factor.enrol(by=ada, secret=app.secret, code=app.code())
    with pytest.raises(Forbidden):
        second_factor.remove(by=bob, person=ada)
    with pytest.raises(Forbidden):
        second_factor.remove(by=root, person=root)
    assert second_factor.remove(by=root, person=ada)
    assert not second_factor.remove(by=root, person=ada)
    assert actions() == ["second_factor.enrolled", "second_factor.removed"]


def test_the_command_lets_a_person_in_again(codes: list[str], root: Any, capsys: Any) -> None:
    call_command("removesecondfactor", "Root@example.org")
    assert capsys.readouterr().out == "Removed.\n"
    assert second_factor.enrolment_of(root) is None
    with pytest.raises(CommandError, match="no user"):
        call_command("removesecondfactor", "nobody@example.org")


def test_the_trail_holds_no_secret(app: App, codes: list[str], root: Any) -> None:
    second_factor.verify(by=root, code=codes[0])
    text = "\n".join(f"{event.target_name} {event.details}" for event in AuditEvent.objects.all())
    assert app.secret not in text
    assert codes[0] not in text
    assert audit.verify().first_bad is None


def test_without_the_extra_nobody_has_one_and_requiring_it_is_an_error(
    monkeypatch: pytest.MonkeyPatch, root: Any, settings: Any
) -> None:
    assert checks.check_second_factor(None) == []
    settings.REQUIRE_SECOND_FACTOR = True
    assert checks.check_second_factor(None) == []
    monkeypatch.setattr(second_factor, "is_available", lambda: False)
    assert [found.id for found in checks.check_second_factor(None)] == ["accounts.E004"]
    assert second_factor.enrolment_of(root) is None
    with pytest.raises(SecondFactorMissing):
        second_factor.verify(by=root, code="000000")


@pytest.mark.parametrize(("required", "fails"), [("false", False), ("true", True)])
def test_the_platform_starts_without_the_extra(required: str, fails: bool) -> None:
    script = (
        "import importlib.util as util; real = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'django_otp' else real(name, *rest)\n"
        "import django; django.setup()\n"
        "from django.core.management import call_command; call_command('check')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "REQUIRE_SECOND_FACTOR": required},
        capture_output=True,
        text=True,
        cwd=settings.BASE_DIR,
    )
    assert ("accounts.E004" in ended.stderr) == fails, ended.stderr
    assert (ended.returncode != 0) == fails, ended.stderr


@pytest.mark.django_db(transaction=True)
def test_of_one_code_shown_at_the_same_moment_one_is_taken(app: App, codes: list[str], root: Any) -> None:
    code = app.code()
    answers = at_once(lambda: second_factor.verify(by=root, code=code), times=4)
    assert [answer for answer in answers if isinstance(answer, int)] == [second_factor.enrolment_of(root)]
    assert all(isinstance(answer, int | SecondFactorInvalid | SignInLocked) for answer in answers)


@pytest.mark.django_db(transaction=True)
def test_of_one_recovery_code_shown_at_the_same_moment_one_is_taken(codes: list[str], root: Any) -> None:
    answers = at_once(lambda: second_factor.verify(by=root, code=codes[0]), times=4)
    assert len([answer for answer in answers if isinstance(answer, int)]) == 1
    assert second_factor.recovery_codes_left(root) == 9


@pytest.mark.django_db(transaction=True)
def test_enrolling_twice_at_the_same_moment_makes_one_second_factor(root: Any) -> None:
    def work() -> list[str]:
        app = App()
        return second_factor.enrol(by=root, secret=app.secret, code=app.code())

    answers = at_once(work, times=3)
    assert len([answer for answer in answers if isinstance(answer, list)]) == 1
    assert TOTPDevice.objects.count() == 1
