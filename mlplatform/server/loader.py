"""The process that loads the workers' records. In a fork of the master."""

import os
import signal
import threading
from collections.abc import Callable

from mlplatform.server import family

NICENESS = 5
"""Behind the workers, where the cores are not enough for all; what is left keeps up with what they answer."""
_STOP = {signal.SIGTERM}


def work(*, master: int, tell_ready: Callable[[], None]) -> None:
    """Load until SIGTERM, and then what is left."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    family.join(master, name="mlp-loader")
    os.nice(NICENESS)
    from monitoring.spool import Loader

    stop = threading.Event()
    thread = threading.Thread(target=Loader().run, args=(stop,), name="spool-loader")
    thread.start()
    tell_ready()
    signal.sigwait(_STOP)
    stop.set()
    thread.join()
