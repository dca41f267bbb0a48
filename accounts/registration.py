"""People make accounts for themselves: unless the setting says no, and never with more than one group's rights."""

import logging

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import audit
from accounts.errors import RegistrationClosed, RegistrationInvalid
from accounts.models import SERVICE_ACCOUNT, User

Told = list[dict[str, str]]

logger = logging.getLogger(__name__)


def require_open() -> None:
    """Raise RegistrationClosed where people can't make accounts for themselves."""
    if not settings.REGISTRATION_OPEN:
        raise RegistrationClosed("Accounts are made by the administrators of this platform.")


def register(*, email: str, password: str, username: str = "") -> User:
    """Make an active account that is no staff and joins REGISTRATION_GROUP.

    Raises RegistrationClosed, and RegistrationInvalid whose details tell all that is wrong with each field.
    """
    require_open()
    email = email.strip().lower()
    user = User(email=email, username=User.normalize_username(username.strip() or email))
    _require_valid(user, password)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            _join_group(user)
            audit.record("account.registered", by=user, target=user)
    except IntegrityError:
        # Somebody was faster between the look and the insert.
        raise _invalid({"email": [_taken("e-mail address")]}) from None
    return user


def _require_valid(user: User, password: str) -> None:
    found: dict[str, Told] = {}
    try:
        user.clean_fields(exclude=("password",))
    except ValidationError as error:
        found = {name: _told(told) for name, told in error.error_dict.items()}
    if "@" in user.username and user.username != user.email:
        # An address as a name would stand in the way of who has that address.
        found.setdefault("username", []).append(
            {"code": "invalid", "message": "A username that is not your e-mail address holds no @."}
        )
    if user.email == SERVICE_ACCOUNT or User.objects.filter(email__iexact=user.email).exists():
        found.setdefault("email", []).append(_taken("e-mail address"))
    elif User.objects.filter(username__iexact=user.username).exists():
        found.setdefault("username", []).append(_taken("username"))
    try:
        validate_password(password, user)
    except ValidationError as error:
        found["password"] = _told(error.error_list)
    if found:
        raise _invalid(found)


def _join_group(user: User) -> None:
    if not settings.REGISTRATION_GROUP:
        return
    group = Group.objects.filter(name=settings.REGISTRATION_GROUP).first()
    if group is None:
        logger.error(
            "REGISTRATION_GROUP names no group: %r. User %s has no rights.", settings.REGISTRATION_GROUP, user.pk
        )
        return
    user.groups.add(group)


def _taken(what: str) -> dict[str, str]:
    return {"code": "unique", "message": f"There is already an account with this {what}."}


def _told(errors: list[ValidationError]) -> Told:
    return [{"code": error.code or "invalid", "message": " ".join(error.messages)} for error in errors]


def _invalid(fields: dict[str, Told]) -> RegistrationInvalid:
    name, told = next(iter(fields.items()))
    return RegistrationInvalid(f"{name}: {told[0]['message']}", details={"fields": fields})
