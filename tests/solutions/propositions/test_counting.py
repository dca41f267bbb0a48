"""Counts of propositions: each event once, whatever the bites."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from solutions.propositions import counting
from solutions.propositions.models import Counting, Interaction, Proposition, PropositionCount


@pytest.fixture(autouse=True)
def at_once(settings: Any, shop: Any) -> None:
    settings.PROPOSITIONS_COUNT_SECONDS = 0.0
    Proposition.objects.update(impressions=0, clicks=0, counted_at=None)
    PropositionCount.objects.all().delete()


def drain() -> int:
    bites = 0
    while counting.count_next():
        bites += 1
        assert bites < 50
    return bites


def test_each_event_is_counted_once_over_days(shop: Any, did: Any) -> None:
    for day in range(4):
        did("u", "impression", shop[0], hours=1 + 24 * day)
        did("u", "click", shop[0], hours=1 + 24 * day)
        did("u", "dismissal", shop[1], hours=1 + 24 * day)

    assert drain() >= 2
    shop[0].refresh_from_db()
    weights = sum(0.5 ** (day / 30) for day in range(4))
    assert shop[0].impressions == pytest.approx(weights, rel=0.03)
    assert shop[0].clicks == shop[0].impressions
    assert PropositionCount.objects.filter(proposition=shop[0]).count() >= 3


def test_what_was_counted_is_not_counted_again(shop: Any, did: Any) -> None:
    did("u", "impression", shop[0])
    drain()
    drain()
    did("u", "impression", shop[0], hours=0.5)
    Counting.objects.update(counted_until=timezone.now() - timedelta(hours=0.75))
    drain()

    shop[0].refresh_from_db()
    assert shop[0].impressions == pytest.approx(2.0, rel=0.01)


def test_what_was_just_written_waits(shop: Any, did: Any) -> None:
    did("u", "impression", shop[0], hours=0)

    drain()

    shop[0].refresh_from_db()
    assert shop[0].impressions == 0


def test_it_waits_for_its_time(shop: Any, did: Any, settings: Any) -> None:
    settings.PROPOSITIONS_COUNT_SECONDS = 3600.0
    did("u", "impression", shop[0], hours=0.9)

    assert counting.count_next() is False
    assert not PropositionCount.objects.exists()


def test_with_nothing_logged_there_is_nothing_to_do() -> None:
    assert not Interaction.objects.exists()
    assert counting.count_next() is False


def test_a_proposition_that_is_clicked_gets_a_higher_rate(shop: Any, did: Any) -> None:
    for _ in range(10):
        did("u", "impression", shop[2])
        did("u", "click", shop[2])
        did("u", "impression", shop[3])
    drain()

    rates = dict(Proposition.objects.values_list("ref", "click_rate"))
    assert rates["prop_3"] > 0.1 > rates["prop_4"]
