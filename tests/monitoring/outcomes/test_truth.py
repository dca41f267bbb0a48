"""A truth beside its prediction: labels as texts, losses as scikit-learn has them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss

from monitoring.outcomes import truth
from monitoring.outcomes.errors import FeedbackInvalid
from monitoring.outcomes.truth import Told


def judged(told: Told, said: Any, shares: Any, classes: Any) -> truth.Judged:
    output = {"predictions": [said], "probabilities": None if shares is None else [shares]}
    return truth.judge(told, task="classification", classes=classes, output=output, index=0, instances=1)


@pytest.mark.parametrize(
    ("told", "said"), [(1, "1"), (1.0, "1"), ("1", "1"), (True, "true"), ("yes", "yes"), (0.5, "0.5")]
)
def test_a_label_is_one_text_however_it_is_written(told: Any, said: str) -> None:
    assert truth.text_of(told) == said


def test_a_whole_number_fits_a_class_that_is_one() -> None:
    found = judged(Told(label=1.0), 1, [0.25, 0.75], [0, 1])

    assert (found.label, found.predicted_label, found.score) == ("1", "1", 0.75)


@given(share=st.floats(0, 1), at=st.sampled_from([0, 1]))
def test_the_losses_of_two_classes_are_scikit_learns(share: float, at: int) -> None:
    found = judged(Told(label=["no", "yes"][at]), "yes", [1 - share, share], ["no", "yes"])

    assert found.log_loss == pytest.approx(log_loss([at], [[1 - share, share]], labels=[0, 1]), abs=1e-9, rel=1e-6)
    assert found.brier == pytest.approx(brier_score_loss([at], [share]), abs=1e-12)


def test_the_losses_of_several_classes_are_scikit_learns() -> None:
    shares = [0.2, 0.5, 0.3]
    found = judged(Told(label="c"), "b", shares, ["a", "b", "c"])

    assert found.log_loss == pytest.approx(log_loss(["c"], [shares], labels=["a", "b", "c"]))
    assert found.brier == pytest.approx(brier_score_loss(["c"], [shares], labels=["a", "b", "c"]))
    assert found.score is None


@pytest.mark.parametrize("shares", [None, [0.5], [None, 1.0], "no"])
def test_without_whole_probabilities_there_is_no_loss(shares: Any) -> None:
    found = judged(Told(label="yes"), "yes", shares, ["no", "yes"])

    assert (found.predicted_label, found.log_loss, found.brier, found.reason) == ("yes", None, None, "")


def test_a_model_that_does_not_tell_its_classes_takes_any_label() -> None:
    assert judged(Told(label="new"), "old", None, None).label == "new"


def test_several_outputs_take_no_feedback() -> None:
    with pytest.raises(FeedbackInvalid) as told:
        truth.judge(
            Told(value=1.0), task="regression", classes=None, output={"predictions": [[1.0, 2.0]]}, index=0, instances=1
        )
    assert told.value.code == "several_outputs"


json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["predictions", "probabilities"]), inner)
    ),
)


@given(output=json, index=st.integers(0, 3), task=st.sampled_from(["classification", "regression", ""]))
def test_whatever_was_recorded_a_truth_is_judged_or_refused(output: Any, index: int, task: str) -> None:
    for told in (Told(label="yes"), Told(value=1.0)):
        assert outcome(told, task, output, index) in {
            "", "output_not_kept", "output_not_a_number",
            "index_out_of_range", "label_required", "value_required", "several_outputs",
        }  # fmt: skip


def outcome(told: Told, task: str, output: Any, index: int) -> str:
    try:
        found = truth.judge(told, task=task, classes=["no", "yes"], output=output, index=index, instances=2)
    except FeedbackInvalid as error:
        return error.code
    return found.reason
