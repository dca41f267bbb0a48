"""A process of its own for the spool's tests: `python spool_child.py MODE TEMPLATE`.

TEMPLATE is a record as JSON. Every id that is printed was acknowledged: its record must become a row.
"""

import json
import os
import resource
import signal
import sys
import time
import uuid

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlplatform.settings")
django.setup()

from monitoring import spool  # noqa: E402
from monitoring.spool import files  # noqa: E402
from monitoring.spool.writer import writer  # noqa: E402


def say(*words: object) -> None:
    """One line to the test, in one write."""
    os.write(1, f"{' '.join(map(str, words))}\n".encode())


def append(template: dict[str, object], **values: object) -> None:
    """Append one record and acknowledge it."""
    id = str(uuid.uuid4())
    spool.append({**template, "id": id, "at": time.time(), **values})
    say(id)


def serve(template: dict[str, object]) -> None:
    """Append until the end comes, while records are shipped."""
    shipper = spool.Shipper()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    shipper.start()
    while True:
        append(template)
        time.sleep(0.001)


def leave_behind(template: dict[str, object]) -> None:
    """Append to several files and go without shipping."""
    for _ in range(4):
        for _ in range(50):
            append(template)
        writer.let_go()


def take_over(template: dict[str, object]) -> None:
    """Wait for the start, then take over; prints how many records were loaded."""
    say("ready")
    sys.stdin.readline()
    say(spool.take_over())


def fork(template: dict[str, object]) -> None:
    """Parent and child append; prints how many files there are while both live."""
    append(template)
    if os.fork() == 0:
        append(template)
        os._exit(0)
    os.wait()
    append(template)
    say(len(files.listed(files.directory())))


def outgrow(template: dict[str, object]) -> None:
    """Append until a file may grow no more; the last write is cut short by the system."""
    spool.append({**template, "id": str(uuid.uuid4()), "at": time.time()})
    path, size = writer.current() or (None, 0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size * 7 // 2, resource.RLIM_INFINITY))
    try:
        while True:
            append(template)
    except (spool.SpoolFull, spool.SpoolWriteFailed) as error:
        say(error.code)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if path is not None:
        say(path.read_bytes().count(b"\n"), path.read_bytes().endswith(b"}\n"))


MODES = {mode.__name__: mode for mode in (serve, leave_behind, take_over, fork, outgrow)}

if __name__ == "__main__":
    MODES[sys.argv[1]](json.loads(sys.argv[2]))
