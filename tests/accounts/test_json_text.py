"""The strict reader of JSON."""

import contextlib
import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accounts import json_text
from accounts.errors import BodyMalformed, BodyValueInvalid
from accounts.json_text import MAX_DEPTH, load_object, loads


def refusal(data: bytes) -> tuple[str, dict[str, Any]]:
    """The code and details with which `data` is refused."""
    with pytest.raises((BodyMalformed, BodyValueInvalid)) as caught:
        loads(data)
    return caught.value.code, caught.value.details


BROKEN = [
    *(
        b"",
        b" ",
        b"{",
        b"[1,]",
        b"{'a':1}",
        b"{} {}",
        b"// x\n{}",
        b"[01]",
        b"[1.]",
        b"[+1]",
        b"nul",
        b'"abc',
    ),
    *(
        b"\xef\xbb\xbf{}",
        b'["\t"]',
        b'["\x00"]',
        b'["\\x41"]',
        b"[" * 20,
        b"]" * 1000,
        b'{"a":1,}',
        b"\x0b[]",
    ),
    b'{"a" 1}',
]


@pytest.mark.parametrize("data", BROKEN)
def test_what_is_no_json_is_refused_as_json(data: bytes) -> None:
    assert refusal(data)[0] == "json"


@pytest.mark.parametrize("token", [b"NaN", b"Infinity", b"-Infinity"])
def test_numbers_that_json_does_not_have_are_refused(token: bytes) -> None:
    assert refusal(b'{"instances": [[1.0, %s]]}' % token)[0] == "json"


@pytest.mark.parametrize(
    "data", [b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'{"\xfe": 1}', '{"é":1}'.encode("latin-1")]
)
def test_what_is_not_utf8_is_refused(data: bytes) -> None:
    assert refusal(data)[0] == "json"


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 900, 1024, 100_000])
@pytest.mark.parametrize(
    ("opening", "middle", "closing"), [(b"[", b"1", b"]"), (b'{"a":', b"1", b"}"), (b'[{"[":', b"[]", b"}]")]
)
def test_deep_nesting_is_refused_by_depth(depth: int, opening: bytes, middle: bytes, closing: bytes) -> None:
    assert refusal(opening * depth + middle + closing * depth)[0] == "json_depth"


def test_deep_nesting_that_never_closes_is_refused_by_depth() -> None:
    assert refusal(b"[" * 100_000)[0] == "json_depth"


@pytest.mark.parametrize("text", ['"]"', '"}{"', '"\\\\\\"[["', '"\\u005b"', '":"'])
def test_brackets_in_texts_neither_add_depth_nor_hide_it(text: str) -> None:
    inner = f"[{text},{text}]"
    allowed = "[" * (MAX_DEPTH - 1) + inner + "]" * (MAX_DEPTH - 1)
    assert loads(allowed.encode()) == json.loads(allowed)
    assert refusal(f"[{allowed}, {text}]".encode())[0] == "json_depth"


def test_many_rows_are_not_deep() -> None:
    rows = [[1.5, 2.5], {"a": [1]}] * 5000
    assert loads(orjson.dumps({"instances": rows})) == {"instances": rows}


def test_many_rows_that_break_off_are_refused_as_json() -> None:
    assert refusal(orjson.dumps({"instances": [[1.5, 2.5]] * 5000})[:-2])[0] == "json"


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b'{"a":1,"a":2}', "a"),
        (b'{"a":1,"\\u0061":2}', "a"),
        (b'{"x":[{"b":1},{"b":{"c:":1,"c:":1}}]}', "c:"),
        (b'{"a":{"b":1},"a":{"b":1}}', "a"),
        (b'[{"k":1,"k":1}]', "k"),
        (b'{"":1,"":1}', ""),
    ],
)
def test_a_key_named_twice_is_refused_by_name(data: bytes, key: str) -> None:
    assert refusal(data) == ("duplicate_key", {"key": key})


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (b'{"instances":[[1,2],[3,1e309]]}', "instances[1][1]"),
        (b'{"inputs":{"age":[-1E400]}}', "inputs.age[0]"),
        (b'{"a":1' + b"0" * 400 + b"}", "a"),
        (b'{"a":-1' + b"0" * 5000 + b"}", "a"),
        (b"1e999", ""),
    ],
)
def test_a_number_no_double_holds_is_refused_with_its_path(data: bytes, path: str) -> None:
    assert refusal(data) == ("non_finite", {"path": path})


@pytest.mark.parametrize("bad", ["\\ud800", "\\udfff", "x\\ud800y", "\\udc00\\ud800", "\\u0000", "a\\u0000b"])
def test_a_text_nobody_can_store_is_refused_with_its_path(bad: str) -> None:
    assert refusal(f'{{"instances":["good","{bad}"]}}'.encode()) == ("text", {"path": "instances[1]"})
    assert refusal(f'{{"a":[{{"{bad}":1}}]}}'.encode()) == ("text", {"path": "a[0]"})


def test_a_surrogate_pair_and_an_escaped_backslash_are_fine() -> None:
    assert loads(b'["\\ud83d\\ude00", "\\\\u0000"]') == ["\U0001f600", "\\u0000"]


def test_integers_beyond_64_bits_become_doubles_on_either_way_through() -> None:
    for data in (b"[18446744073709551616]", b'[18446744073709551616, "\\\\u0000"]'):
        value = loads(data)[0]
        assert (type(value), value) == (float, 18446744073709551616.0)
    assert loads(b'[18446744073709551615, -9223372036854775808, "\\\\u0000"]')[:2] == [2**64 - 1, -(2**63)]


@pytest.mark.parametrize("data", [b"1", b'"x"', b"[]", b"null", b"true", b"[{}]"])
def test_a_body_that_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(BodyMalformed) as caught:
        load_object(data)
    assert caught.value.code == "object_required"


def test_a_long_key_is_not_said_back_whole() -> None:
    key = "k" * 5000
    assert len(refusal(f'{{"{key}":1,"{key}":2}}'.encode())[1]["key"]) <= 100


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
INTEGERS = st.integers(-(2**63), 2**64 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXTS,
    lambda below: st.lists(below) | st.dictionaries(TEXTS, below),
    max_leaves=30,
)


def standard(data: bytes) -> Any:
    """What the standard library reads, with long integers as doubles; NaN and its like end the test."""

    def number(digits: str) -> int | float:
        return int(digits) if -(2**63) <= int(digits) < 2**64 else float(digits)

    def constant(token: str) -> None:
        pytest.fail(f"{token} was accepted")

    return json.loads(data.decode(), parse_int=number, parse_constant=constant)


@given(value=VALUES, indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
@example(value={"a:": "{[:", "b": [{"": "\\"}]}, indent=None, ascii_only=True)
def test_valid_json_reads_as_the_standard_library_reads_it(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert loads(text.encode()) == json.loads(text) == value


@given(data=st.binary(max_size=200) | st.text(alphabet='[]{}:,"\\u0e1.- aN\n', max_size=60).map(str.encode))
@example(data=b'{"a":1e309,"a":NaN}')
def test_any_bytes_are_read_or_refused_with_a_reason(data: bytes) -> None:
    try:
        value = loads(data)
    except (BodyMalformed, BodyValueInvalid):
        return
    assert value == standard(data)
    assert all(math.isfinite(x) for x in _floats(value))


def _floats(value: Any) -> list[float]:
    if isinstance(value, float):
        return [value]
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [x for item in below for x in _floats(item)]


@given(value=VALUES, cut=st.integers(0, 200), junk=st.binary(max_size=3))
def test_spoilt_json_is_never_a_crash(value: Any, cut: int, junk: bytes) -> None:
    data = json.dumps(value).encode()
    spoilt = data[:cut] + junk + data[cut:]
    with contextlib.suppress(BodyMalformed, BodyValueInvalid):
        assert loads(spoilt) == standard(spoilt)


def test_the_careful_reader_agrees_with_the_fast_one() -> None:
    data = orjson.dumps({"a": [1, 2.5, None, True, "x"], "b": {"c": -(2**63), "d": 2**64 - 1}})
    assert json_text._load_carefully(data) == loads(data)
