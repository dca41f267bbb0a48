"""`manage.py createapikey EMAIL --name N --scope S …` prints a new API key and nothing else."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import services
from accounts.errors import AccountsError
from accounts.models import Scope, User


class Command(BaseCommand):
    help = "Makes an API key for a user and prints it, alone, on standard output. It can't be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="The e-mail address of the owner.")
        parser.add_argument("--name", required=True, help="What the key is for.")
        parser.add_argument(
            "--scope", dest="scopes", nargs="+", action="extend", required=True,
            choices=Scope.values, metavar="SCOPE",
            help=f"What the key may do: {', '.join(Scope.values)}. May be given several times.",
        )  # fmt: skip
        parser.add_argument(
            "--model", dest="models", nargs="+", action="extend", default=[], metavar="NAME",
            help="Limits the key to these models; without it, all.",
        )  # fmt: skip
        parser.add_argument("--days", type=int, help="Days until the key ends; without it, it does not end.")
        parser.add_argument("--rate-limit", type=int, help="Requests per window; 0: no limit; without it: the default.")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = User.objects.filter(email=options["email"].strip().lower()).first()
        if owner is None:
            raise CommandError(f"There is no user with the e-mail address {options['email']}.")
        days = options["days"]
        if days is not None and not 0 < days <= 36_500:
            raise CommandError("--days takes a number from 1 to 36500.")
        try:
            _, text = services.create_key(
                by=owner,
                owner=owner,
                name=options["name"],
                scopes=options["scopes"],
                model_names=options["models"],
                expires_at=None if days is None else timezone.now() + timedelta(days=days),
                rate_limit=options["rate_limit"],
            )
        except AccountsError as error:
            raise CommandError(error.message) from error
        self.stdout.write(text)
