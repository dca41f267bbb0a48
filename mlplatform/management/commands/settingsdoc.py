"""`manage.py settingsdoc`: rewrites docs/settings.md."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from mlplatform import settings_page


class Command(BaseCommand):
    help = "Rewrites docs/settings.md from the settings the code declares."

    def handle(self, *args: Any, **options: Any) -> None:
        page = settings.BASE_DIR / "docs" / "settings.md"
        page.write_text(settings_page.render())
        self.stdout.write(f"Wrote {page.relative_to(settings.BASE_DIR)}.")
