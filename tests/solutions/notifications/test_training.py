"""The training: better than the baseline by far, calibrated, the same for the same seed, and told as it is."""

import re
from hashlib import sha256
from typing import Any

import numpy as np
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from inference import validation
from solutions import card
from solutions.notifications import training
from solutions.notifications.training import UNSEEN, calibration_error, macro_f1
from solutions.trained import TrainedModel
from solutions.work import PlainWork

PAGE = settings.BASE_DIR / "docs" / "solutions" / "notifications.md"


def figure(trained: TrainedModel, name: str, dataset: str = "held out") -> Any:
    return next(one for one in trained.figures if (one.name, one.dataset) == (name, dataset))


def test_it_is_far_better_than_always_answering_the_most_frequent_class(trained: TrainedModel) -> None:
    for dataset, at_least in (("held out", 0.75), (UNSEEN, 0.65)):
        accuracy = figure(trained, "accuracy", dataset)
        assert accuracy.low > accuracy.baseline + 0.4
        assert accuracy.value > at_least
        assert figure(trained, "macro F1", dataset).value > at_least


def test_its_confidence_is_worth_something(trained: TrainedModel) -> None:
    loss = figure(trained, "log loss")

    assert loss.high < loss.baseline / 2
    assert abs(figure(trained, "overconfidence").value) < 0.1
    assert "held-out rows" in trained.facts["Expected calibration error"]


def test_the_same_seed_yields_the_same_file_and_figures(trained: TrainedModel) -> None:
    (again,) = training.train(PlainWork(seed=20))

    assert again.figures == trained.figures
    assert again.facts == trained.facts
    # By digest: a difference of a megabyte of bytes would take an hour to be told.
    assert sha256(again.artifact).hexdigest() == sha256(trained.artifact).hexdigest()


def test_it_compiles_to_the_linear_text_form_and_answers_alike(proved: validation.ValidationResult) -> None:
    assert proved.runtime == "linear_text"


def test_the_page_has_the_figures_of_this_training(trained: TrainedModel) -> None:
    """Up to the last digits, which may differ with the libraries."""

    def numbers(text: str) -> list[float]:
        return [float(number) for number in re.findall(r"\d+\.\d+", text)]

    _, _, told = PAGE.read_text().partition(card.BEGIN)
    on_page, now = numbers(told.partition(card.END)[0]), numbers(card.figures(trained, seed=20))

    assert len(on_page) == len(now) > 30
    assert np.allclose(on_page, now, atol=0.02)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_macro_f1_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = (np.array(column) for column in zip(*pairs, strict=True))

    assert np.isclose(macro_f1(truth, predicted), f1_score(truth, predicted, average="macro", zero_division=0.0))


def test_every_figure_lies_in_its_range(trained: TrainedModel) -> None:
    assert [one for one in trained.figures if not one.low <= one.value <= one.high] == []


def test_the_calibration_error_is_how_far_confidence_and_accuracy_are_apart() -> None:
    assert calibration_error(np.array([1.0, 1.0]), np.array([True, True])) == 0.0
    assert calibration_error(np.array([0.85, 0.85]), np.array([True, False])) == 0.85 - 0.5
    assert np.isclose(calibration_error(np.array([0.25, 0.95]), np.array([False, True])), (0.25 + 0.05) / 2)
