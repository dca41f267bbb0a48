"""A claim is kept alive whatever becomes of a connection."""

import threading
from typing import Any

import pytest
from django.db import DatabaseError, InterfaceError

from registry import heartbeat


@pytest.mark.parametrize("kind", [DatabaseError, InterfaceError])
def test_a_renewal_that_fails_is_followed_by_others(settings: Any, kind: type[Exception]) -> None:
    settings.JOB_LEASE_SECONDS = 0.03
    tried, went_on = [], threading.Event()

    class Row:
        def renew(self, *, seconds: float) -> bool:
            tried.append(seconds)
            if len(tried) == 1:
                raise kind("connection already closed")
            went_on.set()
            return True

    with heartbeat.kept_alive(Row()) as lost:  # type: ignore[arg-type]
        assert went_on.wait(30)
    assert not lost.is_set()
