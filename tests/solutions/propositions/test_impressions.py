"""Lists that are shown at the same moment are written together, and each is written or refused on its own."""

import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.utils import timezone

from solutions.propositions import impressions
from solutions.propositions.models import Interaction, Proposition
from tests.live.stack import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def shown(user: str, proposition: int) -> list[Interaction]:
    now = timezone.now()
    facts = {"event_type": "impression", "category": "a", "price": 1.0, "suggestion": uuid.uuid4()}
    return [Interaction(user_id=user, proposition_id=proposition, position=0, at=now, recorded_at=now, **facts)]


@pytest.fixture
def proposition(db: None) -> int:
    return Proposition.objects.create(ref="p", title="P", category="a", price=1.0).pk


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each transaction held."""
    found: list[int] = []
    real = impressions._write

    def write(rows: list[Interaction]) -> None:
        found.append(len(rows))
        real(rows)

    monkeypatch.setattr(impressions, "_write", write)
    return found


def at_once(*lists: list[Interaction]) -> "list[Future[None]]":
    """Log them from a thread each, all of which wait for the turn of one before them."""

    def log(rows: list[Interaction]) -> None:
        try:
            impressions.log(rows)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(lists)) as pool:
        with impressions._writing:
            done = [pool.submit(log, rows) for rows in lists]
            wait_until(lambda: len(impressions._next.rows) == sum(map(len, lists)), 60.0)
        return done


def test_those_who_wait_for_one_another_are_written_by_one_of_them(proposition: int, writes: list[int]) -> None:
    for done in at_once(*(shown(f"user{number}", proposition) for number in range(4))):
        done.result()
    assert writes == [4]
    assert Interaction.objects.values("user_id").distinct().count() == 4


def test_a_list_of_what_is_gone_is_refused_alone(proposition: int, writes: list[int]) -> None:
    good, gone = at_once(shown("ada", proposition), shown("bob", proposition + 1))
    good.result()
    with pytest.raises(IntegrityError):
        gone.result()
    assert list(Interaction.objects.values_list("user_id", flat=True)) == ["ada"]


def test_a_database_that_fails_fails_for_all_at_once_and_not_for_those_after_them(
    proposition: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(rows: list[Interaction]) -> Any:
        tried.append(len(rows))
        raise OperationalError("the disk is full")

    tried: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(impressions, "_write", fail)
        for done in at_once(shown("ada", proposition), shown("bob", proposition)):
            with pytest.raises(OperationalError):
                done.result()
    assert tried == [2]
    impressions.log(shown("cleo", proposition))
    assert Interaction.objects.get().user_id == "cleo"
