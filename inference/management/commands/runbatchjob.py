"""manage.py runbatchjob"""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference.batch import child


class Command(BaseCommand):
    help = "Runs the batch job that was asked for first, to its end. The job runner starts this."

    def handle(self, *args: Any, **options: Any) -> None:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            if not child.in_own_process():
                self.stdout.write("No batch job waits.")
        except KeyboardInterrupt:
            raise CommandError("Interrupted; the next job runner goes on with it.", returncode=130) from None
        finally:
            signal.signal(signal.SIGTERM, before)
