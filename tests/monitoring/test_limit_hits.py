"""Who was over a limit is counted, written down by the second, and not lost while the database is away."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, InterfaceError

from accounts import limit_hits as noted
from accounts import limits
from accounts.errors import RateLimited
from accounts.models import User
from accounts.principal import Principal
from monitoring import limit_hits
from monitoring.models import LimitHits, Resolution
from monitoring.sum_models import NO_KEY

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(settings: Any) -> Principal:
    """Somebody who may ask twice, and be predicted three rows."""
    settings.RATE_LIMIT_REQUESTS = settings.RATE_LIMIT_KEY_REQUESTS = 2
    settings.RATE_LIMIT_ROWS = 3
    return Principal(user=User(pk=7), key_id=uuid4())


def written() -> dict[Any, int]:
    rows = LimitHits.objects.filter(resolution=Resolution.MINUTE)
    return {(row.user_id, row.api_key_id): row.requests for row in rows}


def test_refusals_are_written_down_by_account_and_key(caller: Principal) -> None:
    for principal in (caller, None):
        for _ in range(5):
            limits.check(principal=principal, address="198.51.100.1")
    assert limit_hits.write() == 6
    assert written() == {(7, caller.key_id): 3, (0, NO_KEY): 3}
    assert LimitHits.objects.count() == 2 * len(Resolution.values)
    with pytest.raises(RateLimited):
        limits.charge_rows(principal=caller, rows=4)
    assert limit_hits.write() == 1
    assert written()[7, caller.key_id] == 4


def test_who_is_admitted_is_not_counted(caller: Principal) -> None:
    limits.check(principal=caller, address="")
    assert (noted.take(), limit_hits.write()) == ({}, 0)


@pytest.mark.parametrize("kind", [DatabaseError, InterfaceError])
def test_a_database_that_is_away_loses_nothing(
    caller: Principal, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    for _ in range(3):
        limits.check(principal=caller, address="")

    def fail(counts: Any) -> None:
        raise kind("gone")

    with monkeypatch.context() as broken:
        broken.setattr(limit_hits, "_add", fail)
        assert limit_hits.write() == 0
    assert limit_hits.write() == 1
    assert written() == {(7, caller.key_id): 1}


def test_a_flood_of_callers_is_bounded_and_none_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noted, "MOST_CALLERS", 5)
    for number in range(1, 21):
        noted.note(Principal(user=User(pk=number)))
    taken = noted.take()
    assert len(taken) <= 6
    assert sum(taken.values()) == 20
