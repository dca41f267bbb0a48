"""A long text read piece by piece says what it says as a whole."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import json_pieces, json_text
from accounts.errors import BodyMalformed

_cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text('[]{},:"\\ é', max_size=8),
)
_rows = st.one_of(
    _cells,
    st.recursive(st.lists(_cells, max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=6),
    st.dictionaries(st.sampled_from(["a", "b", "],["]), _cells, max_size=3),
)
_bodies = st.fixed_dictionaries({"instances": st.lists(_rows, max_size=30)}, optional={"use_cache": st.booleans()})


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_pieces, "PIECE_BYTES", 8)


def said(read: Any, data: bytes) -> Any:
    try:
        return read(data)
    except orjson.JSONDecodeError:
        return "no JSON"


@given(_bodies, st.sampled_from([None, (",", ":"), (" ,\n ", " : ")]))
def test_a_body_of_rows_says_the_same(body: Any, separators: Any) -> None:
    data = json.dumps(body, separators=separators).encode()
    assert json_pieces.loads(data) == orjson.loads(data)


@given(_bodies, st.data())
def test_a_body_that_is_cut_off_or_changed_says_the_same(body: Any, draw: Any) -> None:
    data = json.dumps(body).encode()
    at = draw.draw(st.integers(0, len(data)))
    for changed in (
        data[:at],
        data[:at] + draw.draw(st.sampled_from([b"]", b"[", b",", b"}", b'"', b" "])) + data[at:],
    ):
        assert said(json_pieces.loads, changed) == said(orjson.loads, changed)


def test_a_body_of_rows_is_never_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    data = orjson.dumps({"instances": [[1.5, 2.5]] * 100})
    lengths: list[int] = []
    whole = orjson.loads
    monkeypatch.setattr(json_pieces.orjson, "loads", lambda text: lengths.append(len(text)) or whole(text))
    assert len(json_pieces.loads(data)["instances"]) == 100
    assert max(lengths) < 64


@pytest.mark.parametrize("second", [b"[[5]]", b"7"])
def test_a_key_that_comes_twice_is_refused_in_a_long_text_too(second: bytes) -> None:
    data = b'{"instances": [[1], [2], [3], [4], [5], [6]], "instances": %b}' % second
    with pytest.raises(BodyMalformed):
        json_text.loads(data)


@given(st.binary(max_size=60))
def test_bytes_are_left_out_wherever_pieces_end(data: bytes) -> None:
    assert json_pieces.without(data, b"a[") == data.translate(None, b"a[")
