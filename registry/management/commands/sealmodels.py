"""manage.py sealmodels"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from registry.services import renew_seals


class Command(BaseCommand):
    help = "Renew the seals of all stored model files with the present ARTIFACT_SEAL_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        changed, broken = renew_seals()
        self.stdout.write(f"{changed} versions are sealed anew.")
        if broken:
            raise CommandError(f"The seals of {len(broken)} versions hold with neither key: {', '.join(broken[:20])}")
