"""Where what is being done now comes from: the request, its caller and the API key it carries, or the job.

The edge opens an origin for each request, the job runner one for each bite; commands have an empty one.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from accounts.addresses import client_address


@dataclass(slots=True)
class Origin:
    """`meta` is the request's environ. The address is worked out when somebody asks for it.

    `user_id` is the caller's; `signed_in` finds the one of a page, when somebody asks.
    """

    meta: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    key: str = ""
    job: str = ""
    user_id: int | None = None
    signed_in: Callable[[], Any] | None = None

    @property
    def address(self) -> str:
        """The client's address; empty outside requests."""
        return client_address(self.meta) if self.meta else ""

    @property
    def actor(self) -> int | None:
        """The id of whoever asks, as far as it is known already; asking costs no query."""
        if self.user_id is not None or self.signed_in is None:
            return self.user_id
        return getattr(self.signed_in(), "pk", None)


_current: ContextVar[Origin | None] = ContextVar("origin", default=None)


def current() -> Origin:
    """The origin of what this thread does now."""
    return _current.get() or Origin()


@contextmanager
def of_request(
    meta: Mapping[str, Any], request_id: str, signed_in: Callable[[], Any] | None = None
) -> Iterator[Origin]:
    """What is done inside comes from this request."""
    with _entered(Origin(meta, request_id, signed_in=signed_in)) as origin:
        yield origin


@contextmanager
def of_job(name: str) -> Iterator[Origin]:
    """What is done inside is this job's."""
    with _entered(Origin(job=name)) as origin:
        yield origin


@contextmanager
def _entered(origin: Origin) -> Iterator[Origin]:
    token = _current.set(origin)
    try:
        yield origin
    finally:
        _current.reset(token)


def note_caller(user_id: int, key: str = "") -> None:
    """The request is this account's, and carries this API key (an id, never its text) if it carries one."""
    if (origin := _current.get()) is not None:
        origin.user_id, origin.key = user_id, key
