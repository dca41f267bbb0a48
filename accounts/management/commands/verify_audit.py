"""`manage.py verify_audit` checks that the audit trail holds together."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from accounts.models import AuditEvent


class Command(BaseCommand):
    help = "Checks the audit trail's chain of hashes; exits with 1 and names the first event that is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--knows", metavar="NUMBER:HASH",
            help="An event's number and hash as an earlier run printed them: the trail must still hold them.",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        if known := options["knows"]:
            self._require_known(known)
        verdict = audit.verify()
        if verdict.first_bad is not None:
            raise CommandError(
                f"Event {verdict.first_bad}: {verdict.reason}. {verdict.count} events before it are sound."
            )
        self.stdout.write(f"{verdict.count} events, sound. Keep this elsewhere: {verdict.count}:{verdict.head}")

    def _require_known(self, known: str) -> None:
        number, _, given = known.partition(":")
        if not number.isdecimal() or len(number) > 18 or not given:
            raise CommandError("--knows takes NUMBER:HASH.")
        event = AuditEvent.objects.filter(number=int(number)).first()
        if int(number) and (event is None or event.hash != given):
            raise CommandError(f"Event {number}: it is not the one that was known.")
