"""Signing in with a password, at any door: counted, the same for every kind of failure, written down."""

from typing import TYPE_CHECKING

from accounts import audit, lockout, origin, services
from accounts.errors import CredentialInvalid, SignInLocked
from accounts.models import User

if TYPE_CHECKING:
    from django.http import HttpRequest


def sign_in(
    *,
    email: str = "",
    username: str = "",
    password: str,
    door: str,
    staff_only: bool = False,
    request: "HttpRequest | None" = None,
) -> User:
    """The active user (with `staff_only`: of the staff) whose password this is. `door` is a word for the trail.

    Raises CredentialInvalid, the same and at the same cost for an unknown, a wrong and an inactive account, and
    SignInLocked after too many wrong passwords for this account from this network.
    """
    account = _account(email=email, username=username)
    # One account is one counter, whichever of its names is given.
    name = account.email if account else (email or username)
    try:
        counter = lockout.count(name=name, address=origin.current().address)
    except SignInLocked as error:
        if error.starts:
            audit.record("account.sign_in_locked", by=None, target=account, details={"door": door})
        raise
    try:
        user = services.check_password(email=name, password=password, request=request)
        if staff_only and not user.is_staff:
            raise CredentialInvalid(services.NO_ACCOUNT, code="invalid_credentials")
    except CredentialInvalid:
        audit.record("account.sign_in_failed", by=None, target=account, details={"door": door})
        raise
    lockout.forget(counter)
    audit.record("account.signed_in", by=user, target=user, details={"door": door})
    return user


def _account(*, email: str, username: str) -> User | None:
    found = User.objects.filter(email__iexact=email.strip()) if email else User.objects.filter(username=username)
    return found.first()
