"""manage.py runtraining"""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from solutions.runs import child


class Command(BaseCommand):
    help = "Runs the training that was asked for first, to its end. The job runner starts this."

    def handle(self, *args: Any, **options: Any) -> None:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            if not child.run_next():
                self.stdout.write("No training waits.")
        except KeyboardInterrupt:
            raise CommandError("Interrupted; the next job runner goes on with it.", returncode=130) from None
        finally:
            signal.signal(signal.SIGTERM, before)
