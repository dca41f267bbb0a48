"""Diversity, the rules, and the words."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solutions.propositions.features import history, matrix
from solutions.propositions.features.columns import AT, COLUMNS, PRIOR_RATE
from solutions.propositions.features.history import Event, Stated
from solutions.propositions.features.matrix import Item
from solutions.propositions.ranking import diversity, reasons, rules

NOW = 1_760_000_000.0
candidates = st.lists(st.tuples(st.floats(0, 1), st.sampled_from("abc")), max_size=20)


@given(candidates, st.integers(1, 10), st.floats(0, 1))
def test_a_list_has_distinct_candidates_as_many_as_wanted(rows: Any, limit: int, strength: float) -> None:
    chosen = diversity.chosen([score for score, _ in rows], [kind for _, kind in rows], limit=limit, strength=strength)

    assert len(chosen) == len(set(chosen)) == min(limit, len(rows))


@given(candidates, st.integers(1, 10))
def test_strength_nought_is_the_order_of_the_scores(rows: Any, limit: int) -> None:
    scores = [score for score, _ in rows]
    chosen = diversity.chosen(scores, [kind for _, kind in rows], limit=limit, strength=0.0)

    assert [scores[at] for at in chosen] == sorted(scores, reverse=True)[:limit]


@given(candidates, st.floats(0, 0.99))
def test_the_best_is_first_whatever_the_strength(rows: Any, strength: float) -> None:
    scores = [score for score, _ in rows]
    chosen = diversity.chosen(scores, [kind for _, kind in rows], limit=3, strength=strength)

    assert not rows or scores[chosen[0]] == max(scores)


def test_strength_brings_in_another_category() -> None:
    scores, categories = [0.9, 0.8, 0.7, 0.1], ["a", "a", "a", "b"]

    assert diversity.chosen(scores, categories, limit=2, strength=0.0) == [0, 1]
    assert diversity.chosen(scores, categories, limit=2, strength=0.6) == [0, 3]


def made(item: Item, events: Any = (), stated: Stated = history.NOTHING_SAID) -> tuple[Any, reasons.About]:
    known = history.of(events, at=NOW, stated=stated)
    return matrix.rows(known, [item], context="home", at=NOW), reasons.About(item, known, "home", NOW)


def test_what_the_columns_add_is_the_score_of_the_rules() -> None:
    random = np.random.default_rng(1)
    rows = random.uniform(0.01, 2.0, (50, len(COLUMNS))).astype(np.float32)

    score = PRIOR_RATE * np.exp(rules.contributions(rows).sum(axis=1))
    assert rules.scores(rows) == pytest.approx(np.clip(score, 0.0, 1.0))


def test_rules_prefer_what_is_popular_and_what_was_said_and_tire() -> None:
    plain, popular = Item(1, "a", 1.0, 0.0, 100, 5), Item(1, "a", 1.0, 0.0, 100, 50)
    seen = [Event(NOW - 60, "impression", 1, "a", 1.0)]

    assert rules.scores(made(popular)[0]) > rules.scores(made(plain)[0])
    assert rules.scores(made(plain, stated=Stated(frozenset({"a"})))[0]) > rules.scores(made(plain)[0])
    assert rules.scores(made(plain, seen)[0]) < rules.scores(made(plain)[0])
    assert rules.scores(made(plain, stated=Stated(budget=0.1))[0]) < rules.scores(made(plain)[0])


OLD = Item(1, "a", 1.0, NOW - 100 * 86_400, 100, 50)


def test_the_strongest_thing_is_said_first_and_a_second_if_it_matters() -> None:
    clicks = [Event(NOW - 60 * at, "click", 2, "a", 9.0) for at in range(1, 4)]
    _, about = made(OLD, clicks)

    assert reasons.sentence({"category_lift": 1.0}, about) == "You often choose a."
    assert reasons.sentence({"category_lift": 1.0, "item_click_rate": 0.6}, about) == (
        "You often choose a, and others choose it often."
    )
    assert reasons.sentence({"category_lift": 1.0, "item_click_rate": 0.1}, about) == "You often choose a."


def test_columns_of_one_thing_are_added_up() -> None:
    _, about = made(OLD, [Event(NOW - 60, "click", 2, "a", 9.0)])

    added = {"category_lift": 0.3, "category_share": 0.3, "item_click_rate": 0.4}
    assert reasons.sentence(added, about) == "You chose something from a, and others choose it often."


def test_nothing_is_said_that_is_not_true() -> None:
    new = Item(1, "a", 1.0, NOW - 100 * 86_400, 0, 0)
    _, about = made(new)

    everything = dict.fromkeys(COLUMNS, 1.0)
    said = reasons.sentence({name: value for name, value in everything.items() if "context" not in name}, about)
    assert "choose" not in said
    assert "interests" not in said
    assert "new" not in said


def test_with_nothing_to_say_it_says_so() -> None:
    _, about = made(OLD)

    assert reasons.sentence({}, about) == "Suggested from a, as little is known of this user yet."


def test_every_column_belongs_to_at_most_one_group_of_reasons() -> None:
    named = [name for names, _ in reasons.GROUPS.values() for name in names]

    assert len(named) == len(set(named))
    assert set(named) <= set(AT)
