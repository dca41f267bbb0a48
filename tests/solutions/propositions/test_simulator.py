"""The simulated street: the same for the same seed, and fair to every policy."""

import numpy as np
import pytest

from solutions.propositions.simulator import policies, world
from solutions.propositions.simulator.visits import LIST_LENGTH, Street

DAYS = 12


def street(seed: int = 5, users: int = 40) -> Street:
    made = world.build(seed=seed, users=users, items=24, last_day=DAYS)
    return Street(made, seed=seed, began_at=1_735_689_600.0, last_month=DAYS)


@pytest.fixture(scope="module")
def past() -> Street:
    made = street()
    made.run(range(DAYS), policies.at_random)
    return made


def test_the_same_seed_is_the_same_past(past: Street) -> None:
    other = street()
    other.run(range(DAYS), policies.at_random)

    assert other.told == past.told
    assert street(seed=6).world.quality.tolist() != past.world.quality.tolist()


def test_everything_is_told_in_the_order_in_which_it_became_known(past: Street) -> None:
    for stream in (past.told.logged, past.told.counted, past.told.said):
        moments = [entry.known_at for entry in stream]
        assert moments == sorted(moments)


def test_a_copy_goes_its_own_way(past: Street) -> None:
    before = len(past.told.logged)
    one, two = past.copy(), past.copy()
    first, second = (
        one.run(range(DAYS, DAYS + 3), policies.at_random),
        two.run(range(DAYS, DAYS + 3), policies.at_random),
    )

    assert first == second
    assert len(past.told.logged) == before


def test_lists_are_full_and_without_repetition(past: Street) -> None:
    lists: dict[str, list[int]] = {}
    for entry in past.told.logged:
        if entry.event.kind == "impression":
            lists.setdefault(entry.list, []).append(entry.event.item)

    assert all(len(items) == len(set(items)) == LIST_LENGTH for items in lists.values())


def test_who_knows_the_truth_gets_more_clicks_than_chance(past: Street) -> None:
    days = range(DAYS, DAYS + 12)
    rates = {
        name: float(np.mean(past.copy().run(days, policy).clicked))
        for name, policy in (("random", policies.at_random), ("oracle", policies.oracle))
    }

    assert rates["oracle"] > 1.5 * rates["random"]


def test_nothing_is_shown_before_it_is_published(past: Street) -> None:
    for entry in past.told.logged:
        assert past.published(entry.event.item) <= entry.event.at + 86_400
