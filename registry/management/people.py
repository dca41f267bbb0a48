"""Who a command acts for."""

from django.core.management.base import CommandError

from accounts.models import User


def find_person(email: str) -> User:
    """The active user with this address; without one, the only active superuser. Raises CommandError."""
    if email:
        person = User.objects.filter(email__iexact=email.strip(), is_active=True).first()
        if person is None:
            raise CommandError(f"There is no active user {email}.")
        return person
    superusers = list(User.objects.filter(is_superuser=True, is_active=True)[:2])
    if len(superusers) != 1:
        raise CommandError("Say who does this, by their e-mail address.")
    return superusers[0]
