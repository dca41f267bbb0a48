"""A serving process that runs a version and then ends as it is told: `segv`, `kill` or `stop`."""

import ctypes
import os
import signal
import sys
import threading
from pathlib import Path

os.environ["VAR_DIR"] = sys.argv[1]
os.environ["DJANGO_SETTINGS_MODULE"] = "mlplatform.settings"

import django

django.setup()

from inference.execution import crashes  # noqa: E402

crashes.begin()
innocent = threading.Thread(target=lambda: (crashes.enter(7), threading.Event().wait(30)), daemon=True)
innocent.start()
while b"\x07" not in (Path(sys.argv[1]) / "crashes" / f"{os.getpid()}.notes").read_bytes():
    pass
crashes.enter(42)
if sys.argv[2] == "segv":
    ctypes.string_at(0)
elif sys.argv[2] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
crashes.end()
