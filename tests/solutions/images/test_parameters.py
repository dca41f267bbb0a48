"""The eight parameters of a conversion."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solutions.images import heuristic, parameters


def test_what_is_not_given_has_vtracers_default() -> None:
    assert parameters.complete({"color_precision": 4, "corner_threshold": 30}) == {
        "color_precision": 4,
        "layer_difference": 16,
        "corner_threshold": 30,
        "length_threshold": 4.0,
        "max_iterations": 10,
        "splice_threshold": 45,
        "filter_speckle": 4,
        "path_precision": 8,
    }


def test_the_vector_has_their_order() -> None:
    told = parameters.vector(parameters.complete({"path_precision": 3}))

    assert told.dtype == np.float32
    assert told.tolist() == [6, 16, 60, 4, 10, 45, 4, 3]


@pytest.mark.parametrize("value", [0, 9, 4.5, True, "4", None, [4], float("nan"), float("inf"), 10**400])
def test_a_value_out_of_bounds_or_of_another_kind_is_refused_by_name(value: Any) -> None:
    with pytest.raises(parameters.ParameterInvalid) as caught:
        parameters.complete({"color_precision": value})

    assert caught.value.name == "color_precision"
    assert not caught.value.is_unknown


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(parameters.ParameterInvalid) as caught:
        parameters.complete({"colour_precision": 4})

    assert caught.value.is_unknown


@given(st.tuples(*(st.floats(allow_nan=False, allow_infinity=False) for _ in parameters.PARAMETERS)))
def test_any_number_can_be_cast_to_an_allowed_one(values: tuple[float, ...]) -> None:
    told = {one.name: one.cast(value) for one, value in zip(parameters.PARAMETERS, values, strict=True)}

    assert parameters.complete(told) == told
    assert 0.0 <= heuristic.ssim(told) <= 1.0


def test_the_rule_of_thumb_knows_that_fewer_colours_keep_less() -> None:
    few, many = (heuristic.ssim(parameters.complete({"color_precision": bits})) for bits in (1, 8))

    assert few < many
