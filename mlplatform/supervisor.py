"""Child processes that live no longer than their parent."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

STOP_SECONDS = 40.0
"""Longer than the web server gives the requests in flight."""
SETTLED_SECONDS = 60.0
MAX_QUICK_DEATHS = 5
_PR_SET_PDEATHSIG = 1
_TAIL_BYTES = 16 * 1024


def _end_with_parent() -> Callable[[], None] | None:
    """What a child does before it runs: ask the kernel for SIGTERM when its parent dies. None off Linux."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask


class Child:
    """One process in a process group of its own, so that a Ctrl-C on the terminal reaches only the parent.

    With `log`, what it prints goes to that file; without, to the terminal.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        *,
        log: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._restart_at = 0.0
        self._quick_deaths = 0

    def start(self) -> None:
        """Start it. Main thread only: the kernel ends the child when the thread that made it ends."""
        self._started_at, self._restart_at = time.monotonic(), 0.0
        output = self.log.open("ab") if self.log else None
        try:
            self._process = subprocess.Popen(  # noqa: S603 (our own commands)
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                env=self._environment,
                process_group=0,
                preexec_fn=_end_with_parent(),  # safe: the parent has one thread
            )
        finally:
            if output:
                output.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def ended(self) -> int | None:
        """The exit status once it has ended, else None."""
        return self._process.poll() if self._process else None

    def keep_alive(self, report: Callable[[str], None]) -> None:
        """Call it regularly: starts a dead child anew, later each time; raises GaveUp in the end."""
        if self._restart_at:
            if time.monotonic() >= self._restart_at:
                self.start()
            return
        status = self.ended()
        if status is None:
            return
        is_quick = time.monotonic() - self._started_at < SETTLED_SECONDS
        self._quick_deaths = self._quick_deaths + 1 if is_quick else 1
        if self._quick_deaths >= MAX_QUICK_DEATHS:
            raise GaveUp(self)
        delay = 2.0 ** (self._quick_deaths - 1)
        report(f"The {self.name} ended with status {status}; it is started again in {delay:.0f} s.")
        self._restart_at = time.monotonic() + delay

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def wait_until_stopped(self, seconds: float = STOP_SECONDS) -> None:
        """Wait for it to end; what is left of its process group after that is killed."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def last_lines(self, count: int = 15) -> str:
        """The end of its log."""
        if self.log is None or not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])


class GaveUp(Exception):
    """A child died again and again."""

    def __init__(self, child: Child) -> None:
        super().__init__(f"The {child.name} died {MAX_QUICK_DEATHS} times in a row.")
        self.child = child
