"""Equal is what a client would call equal."""

import pytest

from inference.validation import parity
from inference.validation.outputs import Answers


def labels(*predictions: object, probabilities: object = None, margins: object = None) -> Answers:
    return Answers(list(predictions), probabilities, margins)  # type: ignore[arg-type]


def test_equal_answers_pass() -> None:
    proof = parity.compare(labels("a", "b"), labels("a", "b"), "classification")
    assert (proof.passed, proof.rows, proof.label_mismatches) == (True, 2, 0)


def test_a_different_label_fails_and_is_located() -> None:
    proof = parity.compare(labels("a", "b", "c"), labels("a", "x", "c"), "classification")
    assert (proof.passed, proof.row, proof.label_mismatches) == (False, 1, 1)
    assert "1 of 3" in proof.reason


@pytest.mark.parametrize(("margin", "passed"), [(0.0, True), (5e-5, True), (2e-4, False)])
def test_a_label_may_differ_only_where_the_original_hardly_decides(margin: float, passed: bool) -> None:
    proof = parity.compare(labels(0, margins=[margin]), labels(1), "classification")
    assert (proof.passed, proof.ties) == (passed, int(passed))


def test_ties_are_read_off_probabilities_when_there_is_no_margin() -> None:
    reference = labels(0, 0, probabilities=[[0.5, 0.5], [0.7, 0.3]])
    got = labels(1, 0, probabilities=[[0.5, 0.5], [0.7, 0.3]])
    assert parity.compare(reference, got, "classification").ties == 1


@pytest.mark.parametrize(("difference", "passed"), [(9e-5, True), (2e-4, False)])
def test_probabilities_agree_within_a_ten_thousandth(difference: float, passed: bool) -> None:
    proof = parity.compare(
        labels(0, probabilities=[[0.6, 0.4]]), labels(0, probabilities=[[0.6 - difference, 0.4]]), "classification"
    )
    assert proof.passed is passed
    assert proof.max_difference == pytest.approx(difference)


def test_missing_probabilities_fail() -> None:
    assert not parity.compare(labels(0, probabilities=[[0.6, 0.4]]), labels(0), "classification").passed


def test_probabilities_that_neither_model_has_are_equal() -> None:
    reference = labels(0, probabilities=[[None, None]])
    assert parity.compare(reference, labels(0, probabilities=[[None, None]]), "classification").passed
    assert not parity.compare(reference, labels(0, probabilities=[[0.5, None]]), "classification").passed


@pytest.mark.parametrize(
    ("wanted", "found", "passed"),
    [
        ([100.0, 200.0], [100.009, 200.0], True),
        ([100.0, 200.0], [100.02, 200.0], False),
        ([100.0, 200.0, 0.0], [100.0, 200.0, 9e-5], True),
        ([100.0, 200.0, 0.0], [100.0, 200.0, 1e-2], False),
        ([100.0], [None], False),
        ([None], [None], True),
        ([[1.0, 2.0]], [[1.0, 2.0]], True),
        ([[1.0, 2.0]], [[1.0, 2.1]], False),
        ([[1.0, 2.0]], [1.0], False),
        ([0.0, 0.0], [0.0, 0.0], True),
        ([0.0, 0.0], [0.0, 1e-9], False),
    ],
)
def test_values_agree_within_a_ten_thousandth_of_their_size(wanted: list, found: list, passed: bool) -> None:
    assert parity.compare(Answers(wanted), Answers(found), "regression").passed is passed


def test_another_number_of_answers_fails() -> None:
    assert not parity.compare(labels(0, 1), labels(0), "classification").passed
