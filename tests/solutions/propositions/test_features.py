"""Histories and rows: finite whatever happened, and equal for equal pasts."""

import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from solutions.propositions.features import counts, history, matrix
from solutions.propositions.features.columns import AT, COLUMNS, CONTEXTS
from solutions.propositions.features.history import Event, EventType, Stated
from solutions.propositions.features.matrix import Item

NOW = 1_760_000_000.0

events = st.builds(
    Event,
    at=st.floats(NOW - 1e9, NOW + 1e6),
    kind=st.sampled_from([kind.value for kind in EventType]),
    item=st.integers(0, 3),
    category=st.sampled_from(["a", "b"]),
    log_price=st.floats(0, 30),
)
items = st.builds(
    Item,
    key=st.integers(0, 3),
    category=st.sampled_from(["a", "b", "c"]),
    log_price=st.floats(0, 30),
    published_at=st.floats(0, NOW + 1e6),
    impressions=st.floats(0, 1e9),
    clicks=st.floats(0, 1e9),
)


@settings(max_examples=150)
@given(st.lists(events, max_size=20), st.lists(items, min_size=1, max_size=5), st.text(max_size=5), st.booleans())
def test_rows_are_finite_whatever_happened(past: Any, shown: Any, context: str, has_budget: bool) -> None:
    known = history.of(past, at=NOW, stated=Stated(frozenset({"a"}), 3.0 if has_budget else None))

    rows = matrix.rows(known, shown, context=context, at=NOW)

    assert rows.shape == (len(shown), len(COLUMNS))
    assert np.isfinite(rows).all()


@settings(max_examples=50)
@given(st.lists(events, max_size=20), st.lists(items, min_size=1, max_size=5), st.booleans())
def test_a_row_is_the_same_whoever_else_is_rated(past: Any, shown: Any, has_budget: bool) -> None:
    known = history.of(past, at=NOW, stated=Stated(frozenset({"a"}), 3.0 if has_budget else None))
    kept = matrix.Items(shown)

    together = matrix.rows(known, kept, context="home", at=NOW)
    alone = [matrix.rows(known, [item], context="home", at=NOW)[0] for item in shown]

    assert np.array_equal(together, np.array(alone))
    assert np.array_equal(together, matrix.rows(known, kept, context="home", at=NOW))  # asking changes nothing


@given(st.lists(events, max_size=12), st.randoms())
def test_the_order_of_events_does_not_matter(past: Any, random: Any) -> None:
    other = list(past)
    random.shuffle(other)
    one, two = history.of(past, at=NOW), history.of(other, at=NOW)

    assert math.isclose(one.total.clicks, two.total.clicks, rel_tol=1e-9, abs_tol=1e-12)
    assert (one.shown, one.last_at, one.dismissed_at) == (two.shown, two.last_at, two.dismissed_at)


def test_an_event_weighs_half_after_a_half_life() -> None:
    then = NOW - history.HALF_LIFE_DAYS * 86_400
    known = history.of([Event(then, "click", 1, "a", 1.0)], at=NOW)

    assert math.isclose(known.total.clicks, 0.5, rel_tol=1e-9)


def test_a_user_nobody_knows_has_the_prior_and_no_lift() -> None:
    row = matrix.rows(history.of([], at=NOW), [Item(1, "a", 2.0, NOW, 0.0, 0.0)], context="home", at=NOW)[0]

    assert row[AT["user_click_rate"]] == np.float32(0.1)
    assert row[AT["category_lift"]] == 1.0
    assert row[AT["item_click_rate"]] == np.float32(0.1)
    assert row[AT["context_home"]] == 1.0
    assert row[[AT[f"context_{name}"] for name in CONTEXTS if name != "home"]].sum() == 0


def test_a_category_that_is_clicked_more_has_a_larger_lift() -> None:
    past = [Event(NOW - 60, "impression", 1, "a", 1.0), Event(NOW - 50, "click", 1, "a", 1.0)]
    shown = [Item(1, "a", 1.0, 0.0, 0, 0), Item(2, "b", 1.0, 0.0, 0, 0)]
    rows = matrix.rows(history.of(past, at=NOW), shown, context="", at=NOW)

    assert rows[0, AT["category_lift"]] > 1.0 > rows[1, AT["category_lift"]] - 1e-6


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e4), st.integers(0, 1000), st.integers(0, 1000))
def test_counts_grow_by_what_is_added_and_forget(
    impressions: float, clicks: float, days: float, more: int, more_clicks: int
) -> None:
    grown = counts.grown(impressions, clicks, days=days, more_impressions=more, more_clicks=more_clicks)

    assert more <= grown[0] <= impressions + more
    assert more_clicks <= grown[1] <= clicks + more_clicks
