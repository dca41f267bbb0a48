"""Figures: their ranges are right, grouped, reproducible, and go through the registry and back."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.metrics import normal
from solutions import card, selectors
from solutions.figures import Figure, measured
from solutions.trained import TrainedModel


def share(right: Any) -> float:
    return float(right.mean())


def test_the_range_of_a_share_is_about_the_one_that_theory_gives() -> None:
    right = np.array([True] * 160 + [False] * 40)

    figure = measured("accuracy", share, right, seed=1)

    # 0.8 and 1.96 standard errors of sqrt(0.8 * 0.2 / 200)
    assert figure.value == 0.8
    assert figure.low == pytest.approx(0.8 - 0.0554, abs=0.01)
    assert figure.high == pytest.approx(0.8 + 0.0554, abs=0.01)


def test_rows_that_belong_together_make_the_range_wider() -> None:
    right = np.repeat([True, True, True, True, False], 40)
    groups = np.repeat(np.arange(20), 10)

    alone = measured("accuracy", share, right, seed=1)
    together = measured("accuracy", share, right, seed=1, groups=groups)

    assert together.value == alone.value
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_the_same_seed_draws_the_same() -> None:
    values = np.arange(30.0)

    assert measured("m", share, values, seed=3) == measured("m", share, values, seed=3)
    assert measured("m", share, values, seed=3) != measured("m", share, values, seed=4)


def test_draws_in_which_the_figure_is_undefined_are_drawn_again() -> None:
    def of_two(labels: Any) -> float:
        if len(set(labels.tolist())) < 2:
            raise ValueError
        return share(labels)

    assert 0 < measured("m", of_two, np.array([0, 0, 0, 1]), seed=1).low < 1
    with pytest.raises(ValueError, match="undefined"):
        measured("m", lambda labels: float("nan"), np.array([0, 1]), seed=1, rounds=5)


def test_columns_stay_in_step() -> None:
    left = np.arange(50)

    figure = measured("m", lambda a, b: float((a == b).mean()), left, left.copy(), seed=1)

    assert (figure.low, figure.value, figure.high) == (1.0, 1.0, 1.0)


_NUMBERS = st.floats(-1e6, 1e6).map(lambda number: round(number, 6))
_FIGURES = st.builds(
    Figure,
    name=st.sampled_from(["accuracy", "macro F1", "log loss"]),
    value=_NUMBERS,
    low=_NUMBERS,
    high=_NUMBERS,
    baseline=_NUMBERS | st.none(),
    baseline_name=st.just("most frequent class"),
    dataset=st.sampled_from(["held out", "unseen style"]),
)


@given(st.lists(_FIGURES, unique_by=lambda figure: (figure.name, figure.dataset)))
def test_figures_come_back_from_the_registrys_metrics(figures: list[Figure]) -> None:
    trained = TrainedModel(b"", "classification", "", [], figures=tuple(figures))

    back = selectors.figures_of(normal(trained.as_metrics()))

    expected = {
        Figure(f.name, f.value, f.low, f.high, f.baseline, f.baseline_name if f.baseline is not None else "", f.dataset)
        for f in figures
    }
    assert set(back) == expected


def test_plain_metrics_are_kept_beside_figures_and_are_no_figures() -> None:
    trained = TrainedModel(b"", "regression", "", [], metrics={"rows": 12.0})

    assert trained.as_metrics() == [{"name": "rows", "value": 12.0}]
    assert selectors.figures_of(normal(trained.as_metrics())) == ()


def test_a_page_without_a_place_for_figures_is_left_alone() -> None:
    with pytest.raises(ValueError, match="no place"):
        card.page("# A page", "figures")


def test_a_card_shows_facts_as_sentences_and_tables() -> None:
    figure = Figure("accuracy", 0.8, 0.7, 0.9, 0.5, "guessing")
    facts = {"Corpus": "ten rows", "Classes": [{"class": "a", "F1": 0.5}]}
    trained = TrainedModel(b"", "classification", "A toy.", [], figures=(figure,), facts=facts)

    text = card.figures(trained, seed=3)

    assert text.startswith("Seed 3. A toy.")
    assert "| accuracy | held out | 0.8000 | 0.7000 to 0.9000 | 0.5000 (guessing) |" in text
    assert "Corpus: ten rows" in text
    assert "| a | 0.5000 |" in text
