"""`manage.py removesecondfactor EMAIL` lets a person in again who lost their authenticator and recovery codes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import second_factor
from accounts.errors import AccountsError
from accounts.models import User


class Command(BaseCommand):
    help = "Removes a person's second factor; with REQUIRE_SECOND_FACTOR they make a new one when they next sign in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="The person's e-mail address.")

    def handle(self, *args: Any, **options: Any) -> None:
        person = User.objects.filter(email__iexact=options["email"].strip()).first()
        if person is None:
            raise CommandError(f"There is no user with the e-mail address {options['email']}.")
        try:
            was_there = second_factor.remove(by=None, person=person)
        except AccountsError as error:
            raise CommandError(error.message) from error
        self.stdout.write("Removed." if was_there else f"{person.email} has no second factor.")
