"""What is masked: every value of a redacted name, whatever the form of the data."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inference import kept_inputs
from inference.handlers.base import Payload
from inference.kept_inputs import MASK

COLUMNS = ("age", "ssn", "income")
NAMES = frozenset({"ssn"})


def kept(kind: Any, data: Any, columns: tuple[str, ...] = COLUMNS) -> Any:
    return kept_inputs.redacted(Payload(kind, data), NAMES, columns)[kind]


def test_rows_without_names_are_masked_by_position() -> None:
    assert kept("instances", [[30, 1, 2.5], [40, 2, 3.5]]) == [[30, MASK, 2.5], [40, MASK, 3.5]]


def test_a_row_of_another_length_is_masked_as_a_whole() -> None:
    assert kept("instances", [[30, 1], "text", 5, None]) == [MASK] * 4


def test_rows_with_names_are_masked_by_name_at_any_depth() -> None:
    row = {"age": 30, "ssn": {"value": 1}, "more": {"ssn": 2, "list": [{"ssn": 3, "x": 4}]}}
    masked = {"age": 30, "ssn": MASK, "more": {"ssn": MASK, "list": [{"ssn": MASK, "x": 4}]}}
    assert kept("instances", [row]) == kept("dataframe_records", [row]) == [masked]


def test_columns_are_masked_by_name() -> None:
    assert kept("inputs", {"age": [1, 2], "ssn": [3, 4]}) == {"age": [1, 2], "ssn": MASK}
    frame = {"columns": ["ssn", "age"], "data": [[1, 2], [3, 4]], "index": [5, 6]}
    assert kept("dataframe_split", frame) == {"columns": ["ssn", "age"], "data": [[MASK, 2], [MASK, 4]]}


def test_the_only_column_may_come_bare() -> None:
    assert kept("instances", ["a", ["b"]], ("ssn",)) == [MASK, MASK]
    assert kept("instances", ["a", ["b"], [[1.0, 2.0]]], ("text",)) == ["a", ["b"], [[1.0, 2.0]]]


def test_what_has_no_known_form_is_masked_as_a_whole() -> None:
    for kind, data in (
        ("instances", {"ssn": 1}), ("instances", "1"), ("inputs", [1]), ("dataframe_split", [1]),
        ("dataframe_split", {"columns": "ssn", "data": [[1]]}), ("dataframe_split", {"columns": [1], "data": [[1]]}),
        ("dataframe_split", {"columns": ["ssn"], "data": 1}), ("dataframe_records", 7),
    ):  # fmt: skip
        assert kept(kind, data) == MASK


SECRET = "the-secret"
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*COLUMNS, "x"]), inner, max_size=3),
    max_leaves=8,
)
secret = st.just(SECRET) | st.lists(st.just(SECRET), min_size=1, max_size=2) | st.just({"deep": SECRET})
named = st.dictionaries(st.sampled_from(["age", "x"]), anything, max_size=2).flatmap(
    lambda row: secret.map(lambda value: {**row, "ssn": value})
)


rows_with_it = st.lists(named | named.map(lambda row: {"wrapped": [row]}), min_size=1, max_size=3)


@given(rows_with_it, st.sampled_from(["instances", "dataframe_records"]))
def test_no_value_of_a_redacted_name_is_kept(rows: list[Any], kind: str) -> None:
    assert SECRET not in json.dumps(kept(kind, rows))


@given(anything, st.sampled_from(["instances", "inputs", "dataframe_split", "dataframe_records"]))
def test_whatever_comes_something_that_is_json_is_kept(data: Any, kind: str) -> None:
    json.dumps(kept(kind, data))


@given(anything)
def test_a_hash_tells_nothing_and_does_not_depend_on_the_order_of_keys(data: Any) -> None:
    told = kept_inputs.hashed({"a": data, "b": 1})
    assert told == kept_inputs.hashed({"b": 1, "a": data})
    assert set(told) == {"hmac_sha256"}
    assert len(told["hmac_sha256"]) == 64
