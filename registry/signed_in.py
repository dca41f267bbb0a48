"""Who asks, on pages that only signed-in people reach."""

from typing import cast

from django.http import HttpRequest

from accounts.models import User


def person(request: HttpRequest) -> User:
    """The signed-in person. The admin lets nobody else this far."""
    return cast(User, request.user)
