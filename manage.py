#!/usr/bin/env python
"""Command-line entry point: `python manage.py help` lists every command."""

import os
import sys

from django.core.management import execute_from_command_line

from mlplatform import one_thread

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlplatform.settings")
    if sys.argv[1:2] == ["serve"]:
        one_thread.tell_libraries()
    execute_from_command_line(sys.argv)
