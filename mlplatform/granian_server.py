"""The web server's master process: `python -m mlplatform.granian_server` (by `manage.py serve`).

granian's own master is taken over in three places. The listening socket is made here and shared, so that connections
wait in its backlog while a worker is replaced, and none is refused while none lives. A worker that ends is replaced at
once, and one that ends again and again ever later, where granian would give up. And a worker loads what is live before
it accepts its first connection, and ships its records after its last.
"""

import argparse
import ctypes
import gc
import multiprocessing
import os
import signal
import socket
import sys
import time
from typing import Any

# One thread per inference: the processes are what runs side by side. Set before numpy is imported anywhere.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlplatform.settings")

from django.conf import settings  # noqa: E402 (the environment comes first)
from granian.constants import HTTPModes, Interfaces, RuntimeModes  # noqa: E402 (the environment comes first)
from granian.http import HTTP1Settings  # noqa: E402
from granian.log import LogLevels  # noqa: E402
from granian.net import SocketHolder  # noqa: E402
from granian.server import MPServer  # noqa: E402

BACKLOG = 1024
DRAIN_SECONDS = 30
"""How long the requests in flight may take when the server stops."""
HEADER_SECONDS = 15
HEADER_BYTES = 32 * 1024
SETTLED_SECONDS = 10.0
MAX_QUICK_DEATHS = 5
LONGEST_PAUSE_SECONDS = 8.0
_PR_SET_PDEATHSIG = 1


_Holder: Any = SocketHolder  # its stub tells neither its arguments nor that it may stand for a server's socket


class PlatformServer(MPServer):
    """granian's master with a socket that outlives workers and a patience that outlives crashes."""

    def __init__(self, *, host: str, port: int, workers: int, threads: int, log_level: str) -> None:
        super().__init__(
            "mlplatform.wsgi:application",
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            workers=workers,
            blocking_threads=threads,
            blocking_threads_idle_timeout=600,
            runtime_mode=RuntimeModes.st,
            http=HTTPModes.http1,
            websockets=False,
            backlog=BACKLOG,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=HEADER_BYTES),
            log_level=LogLevels(log_level),
            log_dictconfig=settings.LOGGING,
            respawn_failed_workers=True,
            workers_kill_timeout=DRAIN_SECONDS,
        )
        self._quick_deaths: dict[int, int] = {}
        self._has_settled = False

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        self.serve(spawn_target=_work, target_loader=_load, wrap_loader=False)

    def _init_shared_socket(self) -> None:
        self._ssp = self._sso = None
        self._listeners = listen(self.bind_addr, self.bind_port, self.workers)

    def _drop_shared_socket(self) -> None:
        for listener in self._listeners:
            listener.close()

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Any:  # type: ignore[override]
        self._shd: Any = _Holder(self._listeners[idx].fileno(), False, BACKLOG)
        return super()._spawn_worker(idx=idx, target=target, callback_loader=callback_loader)

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        """Replace workers that ended until a signal says stop."""
        while not self.interrupt_signal:
            self.main_loop_interrupt.wait()
            self.main_loop_interrupt.clear()
            if self.reload_signal:
                self._reload(spawn_target, target_loader)
            while self.interrupt_children and not self.interrupt_signal:
                index = self.interrupt_children.pop(0)
                self._pause_before(index)
                if self._is_hopeless(index):
                    raise SystemExit("The workers end before they serve; the log says why.")
                if not self.interrupt_signal:
                    self._respawn_workers([index], spawn_target, target_loader)

    def _pause_before(self, index: int) -> None:
        """No pause for a worker that had settled; a longer one each time for one that keeps dying."""
        lived = time.monotonic() - self.wrks[index].birth
        self._has_settled = self._has_settled or lived > SETTLED_SECONDS
        deaths = 0 if lived > SETTLED_SECONDS else self._quick_deaths.get(index, 0) + 1
        self._quick_deaths[index] = deaths
        if deaths > 2:
            deadline = time.monotonic() + min(2.0 ** (deaths - 3), LONGEST_PAUSE_SECONDS)
            while time.monotonic() < deadline and not self.interrupt_signal:
                time.sleep(0.05)

    def _is_hopeless(self, index: int) -> bool:
        """Whether this server never served: a mistake in the settings or the database, which waiting doesn't mend."""
        started_long_ago = any(time.monotonic() - worker.birth > SETTLED_SECONDS for worker in self.wrks)
        return not self._has_settled and not started_long_ago and self._quick_deaths[index] >= MAX_QUICK_DEATHS


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """A listening socket for each worker, all of one address; the kernel spreads the connections over them.

    Raises OSError when the address can't be had, also when another server of this user has it.
    """
    _open(host, port, is_shared=False).close()
    listeners = [_open(host, port, is_shared=True) for _ in range(count)]
    for listener in listeners:
        listener.listen(BACKLOG)
        listener.setblocking(False)
    return listeners


def _open(host: str, port: int, *, is_shared: bool) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # The connections inherit it: an answer in two pieces must not wait for the client's delayed acknowledgement.
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if is_shared:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        opened.bind((host, port))
    except OSError:
        opened.close()
        raise
    return opened


def _load() -> Any:
    """In a new worker: what every request goes to."""
    from mlplatform.wsgi import application

    return application


def _work(*arguments: Any) -> None:
    """A worker's life: load what is live, serve, ship what is spooled. In a fork of the master."""
    _end_with_master()
    # Until granian listens to signals, a stop is an end: there is nothing to finish yet.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from inference import process

    try:
        process.start()
        MPServer._spawn_wsgi_worker(*arguments)
    finally:
        process.stop()


def _end_with_master() -> None:
    """Have the kernel ask this worker to stop when the master dies: an orphan would hold the socket."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == 1:
            os._exit(1)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--log-level", default="info")
    given = parser.parse_args()
    multiprocessing.set_start_method("fork")
    # Once, for all workers to share: modules and settings, no connection, no session, and no thread, which a fork would
    # lose. That is why onnxruntime, whose import starts one, is left to the workers.
    _load()
    gc.collect()
    gc.freeze()
    PlatformServer(
        host=given.host, port=given.port, workers=given.workers, threads=given.threads, log_level=given.log_level
    ).run()


if __name__ == "__main__":
    main()
