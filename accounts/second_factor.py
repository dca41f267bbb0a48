"""A second factor for staff: a code from an authenticator app, or one of ten recovery codes that work once.

The devices are django-otp's, which comes with the extra `otp`; without it nobody has a second factor. A person has
at most one authenticator. Attempts are counted as wrong passwords are, and slowed for the device itself as well.
Of recovery codes only a keyed hash is stored.
"""

import base64
import re
import secrets
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import audit, lockout, origin
from accounts.errors import Forbidden, SecondFactorInvalid, SecondFactorMissing, SignInLocked
from accounts.models import User

RECOVERY_CODES = 10
_CODE_LENGTH = 10
# Without letters and digits that look alike.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_APP_CODE = re.compile(r"[0-9]{6}", re.ASCII)
_STORED_LENGTH = 16  # hex digits that the table of recovery codes has room for
_WRONG = "This code is not right, or was used before."


def is_available() -> bool:
    """Whether the extra `otp` is installed."""
    return apps.is_installed("django_otp.plugins.otp_totp")


def enrolment_of(user: User) -> int | None:
    """What names the person's second factor, and changes with each enrolment; None without one."""
    if not is_available():
        return None
    return _authenticators().filter(user=user, confirmed=True).values_list("pk", flat=True).first()


def new_secret() -> str:
    """A secret of 160 bits for an authenticator app, in base 32."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def uri_of(user: User, secret: str) -> str:
    """The otpauth:// address that authenticator apps read."""
    issuer = settings.OTP_TOTP_ISSUER
    label = quote(f"{issuer}:{user.email}")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': issuer})}"


def enrol(*, by: User, secret: str, code: str) -> list[str]:
    """Give `by` an authenticator with this secret; the result is the recovery codes, told only here.

    Raises SecondFactorInvalid when the app's code is wrong, Forbidden when there is one already.
    """
    _require_available()
    with transaction.atomic():
        # One enrolment at a time for one person.
        User.objects.select_for_update(no_key=True).get(pk=by.pk)
        if enrolment_of(by) is not None:
            raise Forbidden("This account has a second factor already.")
        device = _authenticators().create(user=by, name="Authenticator", key=base64.b32decode(secret).hex())
        if not _is_app_code(code) or not device.verify_token(_normal(code)):
            raise SecondFactorInvalid("This code does not fit the secret. Is the clock of your device right?")
        codes = _replace_recovery_codes(by)
        audit.record("second_factor.enrolled", by=by, target=by)
    return codes


def verify(*, by: User, code: str) -> int:
    """Take the person's code; the result is their `enrolment_of`.

    Raises SecondFactorInvalid for a wrong or used code, SignInLocked after too many, SecondFactorMissing when the
    person has none.
    """
    _require_available()
    counter = _count(by)
    with transaction.atomic():
        enrolment = _authenticators().select_for_update().filter(user=by, confirmed=True).first()
        if enrolment is None:
            raise SecondFactorMissing("This account has no second factor.")
        is_recovery = not _is_app_code(code)
        device = _recovery_devices().select_for_update().filter(user=by).first() if is_recovery else enrolment
        locked_for = _locked_seconds(device)
        # A wrong code is counted, so it must not undo this transaction.
        is_right = device is not None and not locked_for and device.verify_token(_as_stored(by, code))
        if is_right:
            action = "second_factor.recovery_code_used" if is_recovery else "second_factor.verified"
            audit.record(action, by=by, target=by, details={"recovery_codes_left": recovery_codes_left(by)})
        else:
            audit.record("second_factor.failed", by=None, target=by, details={"recovery_code": is_recovery})
    if locked_for:
        raise _locked(locked_for, starts=False)
    if not is_right:
        raise SecondFactorInvalid(_WRONG)
    lockout.forget(counter)
    return int(enrolment.pk)


def renew_recovery_codes(*, by: User, code: str) -> list[str]:
    """Ten new recovery codes in the place of those left, against a code; raises as `verify` does."""
    verify(by=by, code=code)
    with transaction.atomic():
        codes = _replace_recovery_codes(by)
        audit.record("second_factor.recovery_codes_renewed", by=by, target=by)
    return codes


def remove_own(*, by: User, code: str) -> bool:
    """Remove one's own second factor, against a code, and say whether it was there; raises as `verify` does."""
    verify(by=by, code=code)
    return _remove(by, by=by)


def remove(*, by: User | None, person: User) -> bool:
    """Remove the second factor of a person who lost it; whether there was one. `by` is None for a command.

    Their sessions of the admin end. Raises Forbidden unless `by` is a superuser, and for one's own.
    """
    _require_available()
    if by is not None and not by.is_superuser:
        raise Forbidden("Only superusers remove the second factor of others.")
    if by is not None and by.pk == person.pk:
        raise Forbidden("Remove your own second factor on its page, with a code.")
    return _remove(person, by=by)


def recovery_codes_left(user: User) -> int:
    """How many recovery codes the person has not used."""
    return int(apps.get_model("otp_static", "StaticToken").objects.filter(device__user=user).count())


def _remove(person: User, *, by: User | None) -> bool:
    with transaction.atomic():
        found = _authenticators().filter(user=person).delete()[0]
        _recovery_devices().filter(user=person).delete()
        if found:
            audit.record("second_factor.removed", by=by, target=person)
    return bool(found)


def _require_available() -> None:
    if not is_available():
        raise SecondFactorMissing("This platform was installed without its extra `otp`.")


def _authenticators() -> Any:
    return apps.get_model("otp_totp", "TOTPDevice").objects


def _recovery_devices() -> Any:
    return apps.get_model("otp_static", "StaticDevice").objects


def _replace_recovery_codes(user: User) -> list[str]:
    _recovery_devices().filter(user=user).delete()
    device = _recovery_devices().create(user=user, name="Recovery codes")
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH)) for _ in range(RECOVERY_CODES)]
    for code in codes:
        device.token_set.create(token=_as_stored(user, code))
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _normal(code: str) -> str:
    return re.sub(r"[\s-]", "", code).lower()


def _is_app_code(code: str) -> bool:
    return _APP_CODE.fullmatch(_normal(code)) is not None


def _as_stored(user: User, code: str) -> str:
    """An app's code as it is; a recovery code as the hash that the table holds."""
    code = _normal(code)
    if _is_app_code(code):
        return code
    text = f"{user.pk}:{code}".encode("utf-8", "replace")
    return salted_hmac("second factor", text, algorithm="sha256").hexdigest()[:_STORED_LENGTH]


def _count(user: User) -> lockout.Counted:
    try:
        return lockout.count(name=f"second factor of {user.pk}", address=origin.current().address)
    except SignInLocked as error:
        if error.starts:
            audit.record("second_factor.locked", by=None, target=user)
        raise _locked(error.details["retry_after_seconds"], starts=error.starts) from None


def _locked_seconds(device: Any) -> int:
    """How long the device itself takes no code, after wrong ones; 0 when it takes one."""
    if device is None:
        return 0
    is_allowed, facts = device.verify_is_allowed()
    if is_allowed:
        return 0
    until = timezone.now()
    with suppress(KeyError, TypeError):
        until = facts["locked_until"]
    return max(1, -int(-(until - timezone.now()).total_seconds() // 1))


def _locked(seconds: int, *, starts: bool) -> SignInLocked:
    return SignInLocked(
        f"Too many wrong codes: try again in {seconds} seconds.",
        details={"retry_after_seconds": seconds},
        starts=starts,
    )
