"""gunicorn's configuration: `manage.py serve`, or `gunicorn -c deploy/gunicorn.conf.py mlplatform.wsgi`.

The master imports no application code and holds no connection: each serving process builds its own sessions,
connections, files and threads after the fork. Run it behind a proxy that buffers slow clients and ends TLS.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from gunicorn.glogging import Logger

from mlplatform import leaving, one_thread

one_thread.tell_libraries()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlplatform.settings")

WARM_UP_SECONDS = 600.0
"""A serving process that has not loaded what is live by then counts as hung."""

bind = f"[{settings.BIND}]:{settings.PORT}" if ":" in settings.BIND else f"{settings.BIND}:{settings.PORT}"
worker_class = "gthread"
workers = settings.WORKERS
threads = settings.THREADS
preload_app = False

# Whether a process lives is judged by its main thread; how long a prediction takes is the predictor's care.
timeout = 60
graceful_timeout = 30
keepalive = 75
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(settings.VAR_DIR)  # noqa: S108 (only a heartbeat file)

# The command channel is on by default, at one path for all instances of a user.
control_socket_disable = True

# Bodies are limited where they are read: MAX_BODY_BYTES for JSON, MAX_ARTIFACT_BYTES as an upload streams in.
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
header_map = "refuse"

proc_name = "mlplatform"
loglevel = settings.LOG_LEVEL.lower()
logconfig_dict = settings.LOGGING


class logger_class(Logger):  # noqa: N801 (gunicorn's name for the setting)
    """Leaves requests to LOG_REQUESTS: with a configuration of ours gunicorn would write a line for each, and query."""

    def access(self, *args: Any, **kwargs: Any) -> None:
        return


def when_ready(server: Any) -> None:
    """In the master: SIGTERM says first that this server leaves."""

    def stop(number: int, frame: Any) -> None:
        leaving.let_nobody_in(listener.sock for listener in server.LISTENERS)
        server.signal(number, frame)

    signal.signal(signal.SIGTERM, leaving.in_two_steps(stop, seconds=settings.LAME_DUCK_SECONDS))


def pre_request(worker: Any, request: Any) -> None:
    """gunicorn takes no `Connection` from an application."""
    if leaving.is_announced():
        request.force_close()


def post_worker_init(worker: Any) -> None:
    """Start this process's threads and load what is live; only then does it take requests."""
    from inference import process  # after the fork

    with _heartbeat(worker):
        process.start()


def worker_exit(server: Any, worker: Any) -> None:
    """Ship what is spooled and leave the list of serving processes."""
    from inference import process  # after the fork

    process.stop()


@contextlib.contextmanager
def _heartbeat(worker: Any) -> Iterator[None]:
    """Tell the master that the process lives while it loads its models, however long that takes."""
    done = threading.Event()

    def beat() -> None:
        for _ in range(int(WARM_UP_SECONDS)):
            worker.notify()
            if done.wait(1.0):
                return

    thread = threading.Thread(target=beat, name="warm-up-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
