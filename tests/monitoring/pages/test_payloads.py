"""Payloads as tables, whatever form the request had."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.pages import payloads

SIGNATURE = {"inputs": [{"name": "a"}, {"name": "b"}], "classes": ["no", "yes"]}
ONE_ROW = [("a", "1"), ("b", "x")]


@pytest.mark.parametrize(
    "kept",
    [
        {"instances": [[1, "x"]]},
        {"instances": [{"a": 1, "b": "x"}]},
        {"inputs": {"a": [1], "b": ["x"]}},
        {"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"]]}},
        {"dataframe_records": [{"a": 1, "b": "x"}]},
    ],
)
def test_a_row_reads_alike_in_every_form(kept: dict[str, Any]) -> None:
    found = payloads.inputs(kept, SIGNATURE)
    assert found is not None
    assert found.pairs == ONE_ROW


def test_several_rows_are_a_table_that_says_what_it_leaves_out() -> None:
    found = payloads.inputs({"instances": [[0.5] * 30] * 60}, SIGNATURE)
    assert found is not None
    assert found.rows is not None
    assert found.names is not None
    assert (len(found.rows), len(found.rows[0]), found.more_rows, found.more_columns) == (50, 24, 10, 6)
    assert found.names[:2] == ["1", "2"]


def test_what_was_not_kept_and_what_was_too_large_are_told_apart() -> None:
    assert payloads.inputs(None, SIGNATURE) is None
    assert payloads.outputs(None, SIGNATURE) is None
    omitted = payloads.inputs({"omitted_bytes": 70_000}, SIGNATURE)
    assert omitted == payloads.Inputs(omitted_bytes=70_000)


def test_classes_stand_in_the_order_of_their_probabilities() -> None:
    found = payloads.outputs({"predictions": ["yes"], "probabilities": [[0.25, 0.75]]}, SIGNATURE)
    assert found is not None
    assert [(share.label, share.percent) for share in found.shares] == [("yes", 75.0), ("no", 25.0)]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
_KINDS = st.sampled_from(["instances", "inputs", "dataframe_split", "dataframe_records", "something_else"])


@given(_JSON | st.builds(lambda kind, data: {kind: data}, _KINDS, _JSON))
def test_whatever_was_recorded_can_be_shown(kept: Any) -> None:
    payloads.inputs(kept, SIGNATURE)
    payloads.inputs(kept, None)


@given(_JSON | st.builds(lambda p, s: {"predictions": p, "probabilities": s}, _JSON, _JSON))
def test_whatever_was_answered_can_be_shown(kept: Any) -> None:
    payloads.outputs(kept, SIGNATURE)
