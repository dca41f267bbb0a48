"""`manage.py settingsdoc`: rewrites docs/settings.md and .env.example."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from mlplatform import settings_page


class Command(BaseCommand):
    help = "Rewrites docs/settings.md and .env.example from the settings the code declares."

    def handle(self, *args: Any, **options: Any) -> None:
        written = {"docs/settings.md": settings_page.render(), ".env.example": settings_page.example()}
        for name, text in written.items():
            (settings.BASE_DIR / name).write_text(text)
            self.stdout.write(f"Wrote {name}.")
