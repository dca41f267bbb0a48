"""Which sessions of the admin showed the second factor.

A session holds the enrolment it showed: with a new enrolment, and when the second factor is removed, it is worth
nothing. Whoever has a second factor is asked for it also where it is not required.
"""

from typing import cast

from django.conf import settings
from django.http import HttpRequest

from accounts import second_factor
from accounts.models import User

SHOWN = "second_factor_enrolment"
_KNOWN = "_second_factor_enrolment"


def enrolment(request: HttpRequest) -> int | None:
    """The enrolment of who is signed in, asked for once in a request."""
    if not hasattr(request, _KNOWN):
        setattr(request, _KNOWN, second_factor.enrolment_of(cast(User, request.user)))
    return cast("int | None", getattr(request, _KNOWN))


def has_shown(request: HttpRequest) -> bool:
    """Whether who is signed in has a second factor, and this session showed it."""
    present = enrolment(request)
    return present is not None and request.session.get(SHOWN) == present


def is_enough(request: HttpRequest) -> bool:
    """Whether a signed-in person may enter: no second factor is asked of them, or they showed it."""
    if enrolment(request) is None:
        return not settings.REQUIRE_SECOND_FACTOR
    return has_shown(request)


def mark(request: HttpRequest, shown: int | None) -> None:
    """From here on the session has shown this enrolment, under a new session key."""
    request.session.cycle_key()
    request.session[SHOWN] = shown
    if hasattr(request, _KNOWN):
        delattr(request, _KNOWN)
