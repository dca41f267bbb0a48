"""What counts as drift: far from the reference, and not by chance."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.drift import profile
from monitoring.drift.comparing import Found, Thresholds, compare
from monitoring.drift.profile import MOST_CATEGORIES, MOST_VALUES

RANDOM = np.random.default_rng()


@pytest.fixture(autouse=True)
def same_draws() -> None:
    """Every test draws the same numbers, whichever ran before it."""
    RANDOM.bit_generator.state = np.random.default_rng(20).bit_generator.state


def features(cells: list[Any], like: Any = None) -> list[profile.Feature]:
    return profile.make({"x": cells}, {}, [], like=like)[0]


def compared(before: list[Any], after: list[Any], thresholds: Thresholds | None = None) -> Found:
    reference = features(before)
    (found,) = compare(reference, features(after, profile.kinds(reference)), thresholds or Thresholds())
    return found


def normal(count: int, mean: float = 0.0) -> list[float]:
    return [float(value) for value in RANDOM.normal(mean, 1.0, count)]


def test_a_shifted_number_has_drifted() -> None:
    found = compared(normal(500), normal(500, 0.8))

    assert (found.is_drifted, found.statistic, found.kind) == (True, "psi", "numeric")
    assert found.value is not None
    assert found.value > 0.25
    assert found.p_value is not None
    assert found.p_value < 1e-6


def test_a_large_sample_does_not_make_a_small_shift_drift() -> None:
    found = compared(normal(20_000), normal(20_000, 0.2))

    assert found.p_value is not None
    assert found.p_value < 0.01
    assert found.is_drifted is False


def test_small_samples_rarely_raise_a_false_alarm() -> None:
    """At 100 rows against 100 the index of two equal distributions is above its threshold more often than not."""
    looks = [compared(normal(100), normal(100)) for _ in range(200)]

    assert sum(found.value >= 0.1 for found in looks if found.value is not None) > 50
    assert sum(found.is_drifted is True for found in looks) <= 6


def test_categories_drift_by_their_shares() -> None:
    found = compared(["red"] * 300 + ["blue"] * 200, ["red"] * 100 + ["blue"] * 100 + ["green"] * 200)

    assert (found.is_drifted, found.statistic) == (True, "js")
    assert found.facts["unseen"] == 0.5
    assert found.facts["labels"] == ["red", "blue", "green"]
    assert found.facts["shares"] == [0.25, 0.25, 0.5]


def test_the_same_shares_are_no_drift() -> None:
    found = compared(["red"] * 300 + ["blue"] * 200, ["red"] * 60 + ["blue"] * 40)

    assert (found.is_drifted, found.value) == (False, 0.0)


def test_one_category_that_stays_is_no_drift() -> None:
    assert compared([7.0] * 200, [7.0] * 200).is_drifted is False


def test_a_constant_that_becomes_another_has_drifted() -> None:
    assert compared([7.0] * 200, [8.0] * 200).is_drifted is True


def test_missing_values_are_drift_of_their_own() -> None:
    found = compared(normal(400), normal(200) + [None] * 200)

    assert (found.is_drifted, found.reason) == (True, "missing")
    assert (found.facts["reference_missing"], found.facts["missing"]) == (0.0, 0.5)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [(49, 500, "too_few_in_reference"), (500, 99, "too_few"), (10, 10, "too_few_in_reference")],
)
def test_too_few_rows_say_nothing(before: int, after: int, reason: str) -> None:
    found = compared(normal(before), normal(after, 5.0))

    assert (found.is_drifted, found.reason) == (None, reason)


def test_more_features_need_more_evidence() -> None:
    """Of 100 features that did not change none is called drifted at a chance that one alone would be."""
    before = {f"x{at}": normal(200) for at in range(100)}
    after = {name: normal(200) for name in before}
    reference = profile.make(before, {}, [], like=None)[0]

    found = compare(reference, profile.make(after, {}, [], like=profile.kinds(reference))[0], Thresholds())

    assert sum(one.p_value < 0.05 for one in found if one.p_value is not None) >= 1
    assert not any(one.is_drifted for one in found)


def test_what_lies_beyond_the_reference_is_told() -> None:
    found = compared([float(at) for at in range(100)], [float(at + 50) for at in range(100)])

    assert found.facts["outside"] == 0.5


def test_flags_and_codes_are_categories_and_ids_have_no_profile() -> None:
    made, left_out = profile.make(
        {"flag": [0, 1] * 50, "id": [f"u{at}" for at in range(100)], "size": normal(100)},
        {"prediction": ["yes", "no"] * 50},
        [0.5, 0.7] * 50,
        like=None,
    )

    assert {feature["name"]: feature["kind"] for feature in made} == {
        "flag": "categorical", "size": "numeric", "prediction": "categorical", "confidence": "numeric",
    }  # fmt: skip
    assert left_out == ["id"]


def test_a_feature_keeps_the_kind_of_its_reference() -> None:
    """A number that happens to take few values now is still compared as a number."""
    assert compared(normal(200), [0.1, 0.2] * 100).kind == "numeric"


cells = st.one_of(st.none(), st.integers(-5, 5), st.floats(-1e6, 1e6), st.sampled_from("abc"), st.booleans())


@settings(max_examples=60)
@given(before=st.lists(cells, max_size=150), after=st.lists(cells, max_size=150))
def test_any_columns_are_compared_and_can_be_stored(before: list[Any], after: list[Any]) -> None:
    reference = features(before)
    now = features(after, profile.kinds(reference))

    for one in compare(reference, now, Thresholds(least_reference=5, least_rows=5)):
        assert one.value is None or one.value >= 0.0
        assert one.p_value is None or 0.0 <= one.p_value <= 1.0
        for shares in (one.facts.get("shares"), one.facts.get("reference_shares")):
            assert shares is None or sum(shares) == pytest.approx(1.0)
        json.dumps(one.facts, allow_nan=False)
    json.dumps([reference, now], allow_nan=False)


def test_a_profile_is_bounded() -> None:
    made = features(normal(5000)) + features([f"c{at % 700}" for at in range(5000)])

    assert len(made[0]["values"]) == MOST_VALUES
    assert np.median(made[0]["values"]) == pytest.approx(0.0, abs=0.1)
    assert len(made[1]["counts"]) == MOST_CATEGORIES
    assert made[1]["others"] == 5000 - sum(made[1]["counts"].values())
