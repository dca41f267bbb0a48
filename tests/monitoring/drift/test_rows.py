"""Recorded payloads as columns, whichever way they were sent, and whatever was left of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.drift import rows

SIGNATURE = {"handler": "tabular", "inputs": [{"name": "x"}, {"name": "y"}]}
SAME = {"x": [1.0, 3.0], "y": ["a", None]}


@pytest.mark.parametrize(
    "recorded",
    [
        {"instances": [[1.0, "a"], [3.0, None]]},
        {"instances": [{"y": "a", "x": 1.0}, {"x": 3.0}]},
        {"inputs": {"x": [1.0, 3.0], "y": ["a", None]}},
        {"dataframe_split": {"columns": ["y", "x"], "data": [["a", 1.0], [None, 3.0]]}},
        {"dataframe_records": [{"x": 1.0, "y": "a"}, {"x": 3.0, "y": None}]},
    ],
)
def test_every_way_to_send_rows_gives_the_same_columns(recorded: Any) -> None:
    assert rows.inputs_of([recorded], SIGNATURE) == SAME


def test_texts_are_told_by_their_length_and_words() -> None:
    found = rows.inputs_of(
        [{"instances": ["server down", ["now"]]}, {"inputs": {"text": ["a b c"]}}], {"handler": "text"}
    )

    assert found == {"length": [11, 3, 5], "words": [2, 1, 3]}


@pytest.mark.parametrize(
    "recorded",
    [None, {"omitted_bytes": 7}, {"hashed": "ab"}, [], {"instances": [[1.0]]}, {"instances": 3}, {"inputs": {"x": 3}}],
)
def test_what_can_not_be_read_is_no_row(recorded: Any) -> None:
    assert rows.inputs_of([recorded], SIGNATURE) == {"x": [], "y": []}


def test_what_is_never_written_down_is_no_column() -> None:
    recorded = [{"instances": [["[redacted]", "a"], ["[redacted]", "[redacted]"]]}]

    assert rows.inputs_of(recorded, SIGNATURE) == {"y": ["a", None]}


def test_tensors_have_no_columns() -> None:
    assert rows.inputs_of([{"instances": [[[1.0]]]}], {"handler": "tensor", "inputs": [{"name": "image"}]}) == {}


def test_predictions_come_with_their_largest_share() -> None:
    outputs = [
        {"predictions": ["yes", "no"], "probabilities": [[0.1, 0.9], [0.6, 0.4]]},
        {"predictions": ["yes"]},
        None,
    ]

    assert rows.predictions_of(outputs) == ({"prediction": ["yes", "no", "yes"]}, [0.9, 0.6])


def test_several_outputs_are_several_columns() -> None:
    assert rows.predictions_of([{"predictions": [[1.0, 2.0], [3.0, 4.0]]}])[0] == {
        "prediction 1": [1.0, 3.0],
        "prediction 2": [2.0, 4.0],
    }


json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["instances", "inputs", "dataframe_split", "columns", "data", "x", "y", "predictions", "probabilities"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(recorded=st.lists(json, max_size=3))
def test_whatever_was_recorded_gives_columns_of_one_length(recorded: list[Any]) -> None:
    found = rows.inputs_of(recorded, SIGNATURE)

    assert len({len(cells) for cells in found.values()}) == 1
    rows.predictions_of(recorded)
    rows.inputs_of(recorded, {"handler": "text"})
