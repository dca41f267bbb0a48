"""`manage.py metricsdoc`: rewrites docs/metrics.md."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from mlplatform import metrics_page


class Command(BaseCommand):
    help = "Rewrites docs/metrics.md from the sheet of metrics."

    def handle(self, *args: Any, **options: Any) -> None:
        page = settings.BASE_DIR / "docs" / "metrics.md"
        page.write_text(metrics_page.render())
        self.stdout.write(f"Wrote {page.relative_to(settings.BASE_DIR)}.")
