"""The server that is measured: one that runs already, or one started for the occasion over the same data."""

import contextlib
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from django.conf import settings
from django.utils import timezone

from accounts import services
from accounts.models import Scope, User
from mlplatform.benchmark import memory
from mlplatform.benchmark.link import Address, Broken, Link
from mlplatform.benchmark.load import Question
from mlplatform.supervisor import Child
from monitoring import processes

START_SECONDS = 120.0
_ALIVE_SECONDS = 10.0


class TargetUnusable(Exception):
    """The server doesn't start, or doesn't answer as it should."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask, with which key, and which processes of this host answer.

    start_seconds: from the start of the server to its first good prediction; None when it ran before.
    """

    address: Address
    key: str
    pids: Callable[[], list[int]]
    start_seconds: float | None = None


def running(url: str, key: str, *, first: Callable[[Address], Question]) -> Target:
    """A server that runs already. Raises TargetUnusable when it isn't there or doesn't know the key."""
    try:
        address = Address.of(url)
        with contextlib.closing(Link(address, timeout=START_SECONDS)) as link:
            status = link.ask(first(address).request)[0]
    except (ValueError, Broken) as error:
        raise TargetUnusable(f"{url} can't be measured: {error}") from error
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise TargetUnusable(f"{url} refuses the key: status {status}.")
    return Target(address, key, _reported_pids)


@contextlib.contextmanager
def started(*, key: str, workers: int | None, first: Callable[[Address], Question]) -> Iterator[Target]:
    """A server of our own on a free port, over the data of this installation; it ends with the block.

    Main thread only. Raises TargetUnusable when the question `first` isn't answered in time.
    """
    address = Address("127.0.0.1", _free_port(), False, "")
    line = [sys.executable, str(settings.BASE_DIR / "manage.py"), "serve", "--bind", address.authority]
    line += ["--workers", str(workers)] if workers else []
    log = settings.VAR_DIR / "log" / "benchmark-server.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    log.write_text("")
    server = Child("web server", line, log=log, environment={"VAR_DIR": str(settings.VAR_DIR)})
    began = time.perf_counter()
    try:
        server.start()
        _wait_for(server, address, first(address))
        seconds = time.perf_counter() - began
        pid = server.pid
        assert pid is not None
        yield Target(address, key, lambda: memory.family(pid), seconds)
    finally:
        server.ask_to_stop()
        server.wait_until_stopped()


@contextlib.contextmanager
def temporary_key(*, by: User) -> Iterator[str]:
    """A key that may predict, with a limit so wide that it never refuses: limits are counted as in real use."""
    key, text = services.create_key(
        by=by,
        owner=by,
        name="benchmark",
        scopes=[str(Scope.PREDICT)],
        expires_at=timezone.now() + timedelta(hours=6),
        rate_limit=services.MAX_RATE_LIMIT,
    )
    try:
        yield text
    finally:
        services.revoke_key(by=by, key=key)


def _wait_for(server: Child, address: Address, question: Question) -> None:
    deadline, problem = time.monotonic() + START_SECONDS, ""
    while time.monotonic() < deadline and server.ended() is None:
        try:
            with contextlib.closing(Link(address, timeout=START_SECONDS)) as link:
                status, body, _ = link.ask(question.request)
        except Broken as broken:
            problem = str(broken)
        else:
            problem = question.judge(status, body)
            if not problem:
                return
        time.sleep(0.02)
    raise TargetUnusable(f"The web server did not answer ({problem}). The end of its log:\n{server.last_lines()}")


def _reported_pids() -> list[int]:
    """The serving processes that say they live on this host."""
    return list(processes.live(_ALIVE_SECONDS).filter(host=socket.gethostname()).values_list("pid", flat=True))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
