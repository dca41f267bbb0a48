"""Rows for learning are made of what was known before them, and of nothing else."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from solutions.propositions.dataset import CLICK_WITHIN_SECONDS, Counted, Examples, Logged, Said, replay
from solutions.propositions.features import history, matrix
from solutions.propositions.features.columns import AT, COLUMNS
from solutions.propositions.features.history import Event, EventType, Stated
from solutions.propositions.features.matrix import Item

PUBLISHED = dict.fromkeys(range(4), 0.0)
CATEGORIES = ("a", "b")


@st.composite
def logs(draw: Any) -> list[Logged]:
    """Events of three users with four propositions, in the order of knowing; some happened before they were known."""
    moments = sorted(draw(st.lists(st.integers(1, 50), min_size=1, max_size=25)))
    made = []
    for moment in moments:
        item, user = draw(st.integers(0, 3)), draw(st.sampled_from(["u", "v", "w"]))
        kind = draw(st.sampled_from([kind.value for kind in EventType]))
        late = draw(st.integers(0, 3)) if kind != EventType.IMPRESSION else 0
        at = 600.0 * (moment - late)
        made.append(Logged(600.0 * moment, user, Event(at, kind, item, CATEGORIES[item % 2], float(item)), "home"))
    return made


def made_of(log: list[Logged], **more: Any) -> Examples:
    return replay(log, published_at=PUBLISHED, **more)


@settings(max_examples=60)
@given(logs(), st.integers(1, 50))
def test_what_comes_later_changes_no_earlier_row(log: list[Logged], moment: int) -> None:
    cut = 600.0 * moment
    whole, begun = made_of(log), made_of([entry for entry in log if entry.known_at <= cut])
    earlier = whole.at <= cut

    assert np.array_equal(whole.rows[earlier], begun.rows)
    assert list(whole.users[earlier]) == list(begun.users)


@settings(max_examples=60)
@given(logs())
def test_a_row_is_what_would_have_been_served_at_that_moment(log: list[Logged]) -> None:
    examples = made_of(log)
    for number, at in enumerate(examples.at):
        user = str(examples.users[number])
        before = [entry.event for entry in log if entry.user == user and entry.known_at < at]
        known = history.of(before[-history.MOST_EVENTS :], at=float(at))
        served = matrix.rows(
            known, [Item(item, CATEGORIES[item % 2], float(item), 0.0, 0.0, 0.0) for item in range(4)],
            context="home", at=float(at), positions=[0] * 4,
        )  # fmt: skip
        assert (served == examples.rows[number]).all(axis=1).any()


def shown(at: float, item: int = 0, user: str = "u", **facts: Any) -> Logged:
    return Logged(at, user, Event(at, "impression", item, "a", 0.0), **facts)


def clicked(at: float, item: int = 0, user: str = "u", known_at: float | None = None) -> Logged:
    return Logged(at if known_at is None else known_at, user, Event(at, "click", item, "a", 0.0))


def test_a_click_belongs_to_the_latest_impression_within_half_an_hour() -> None:
    log = [shown(0.0), shown(100.0), clicked(150.0), shown(5000.0, 1), clicked(5001.0 + CLICK_WITHIN_SECONDS, 1)]

    assert made_of(log).clicked.tolist() == [0.0, 1.0, 0.0]


def test_a_click_of_another_user_or_before_the_impression_counts_for_nothing() -> None:
    log = [shown(100.0), clicked(110.0, user="v"), clicked(50.0, known_at=120.0)]

    assert made_of(log).clicked.tolist() == [0.0]


def test_the_label_is_not_among_what_the_row_knows() -> None:
    with_click, without = made_of([shown(0.0), clicked(1.0)]), made_of([shown(0.0)])

    assert np.array_equal(with_click.rows, without.rows)
    assert (with_click.clicked.tolist(), without.clicked.tolist()) == ([1.0], [0.0])


def test_counts_and_statements_hold_from_when_they_were_known() -> None:
    counted = [Counted(50.0, 0, 150.0, 20.0)]
    said = [Said(50.0, "u", Stated(frozenset({"a"}), None))]
    examples = made_of([shown(10.0), shown(50.0, 1), shown(60.0)], counted=counted, said=said)

    assert examples.rows[:, AT["is_interest"]].tolist() == [0.0, 0.0, 1.0]
    rates = examples.rows[:, AT["item_click_rate"]].tolist()
    assert rates[0] == np.float32(0.1)
    assert rates[2] == np.float32(25.0 / 200.0)


def test_what_is_shown_together_does_not_know_of_each_other() -> None:
    together = [shown(10.0, 0, list="l"), shown(10.0, 1, list="l", position=1)]
    examples = made_of(together)

    assert examples.rows[:, AT["user_impressions"]].tolist() == [0.0, 0.0]
    assert len(set(examples.lists.tolist())) == 1


def test_nothing_logged_yields_no_rows_of_the_right_width() -> None:
    assert made_of([]).rows.shape == (0, len(COLUMNS))
