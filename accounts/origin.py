"""Where what is being done now comes from: the request, if there is one, and the API key it carries.

The edge opens an origin for each request; commands and jobs have an empty one.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from accounts.addresses import client_address


@dataclass(slots=True)
class Origin:
    """`meta` is the request's environ. The address is worked out when somebody asks for it."""

    meta: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    key: str = ""

    @property
    def address(self) -> str:
        """The client's address; empty outside requests."""
        return client_address(self.meta) if self.meta else ""


_current: ContextVar[Origin | None] = ContextVar("origin", default=None)


def current() -> Origin:
    """The origin of what this thread does now."""
    return _current.get() or Origin()


@contextmanager
def of_request(meta: Mapping[str, Any], request_id: str) -> Iterator[Origin]:
    """What is done inside comes from this request."""
    origin = Origin(meta, request_id)
    token = _current.set(origin)
    try:
        yield origin
    finally:
        _current.reset(token)


def note_key(name: str) -> None:
    """The request carries this API key (an id, never its text)."""
    if (origin := _current.get()) is not None:
        origin.key = name
