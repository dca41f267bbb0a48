"""The strict reader of JSON texts. Plain functions on bytes, for any door.

What is refused beyond plain syntax errors, and why:

- nesting deeper than MAX_DEPTH, before anything is built;
- an object that names a key twice, as readers disagree about which one counts;
- NaN and Infinity, which JSON does not have;
- numbers no double can hold (`1e309`), with the path of the cell; integers beyond 64 bits become doubles;
- lone surrogates and NUL in texts, which neither UTF-8 nor the database can hold, with the path.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import orjson

from accounts import json_pieces
from accounts.errors import BodyMalformed, BodyValueInvalid

MAX_DEPTH = 32
_SHOWN_KEY_LENGTH = 100
_NUL = b"\\u0000"
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NOT_STRUCTURE = bytes(sorted(set(range(256)) - set(b'[]{}:"')))
_BRACES_AS_BRACKETS = bytes.maketrans(b"{}", b"[]")


def load_object(data: bytes) -> dict[str, Any]:
    """The JSON object in a body. Raises BodyMalformed or BodyValueInvalid."""
    value = loads(data)
    if type(value) is not dict:
        raise BodyMalformed("The body must be a JSON object.", code="object_required")
    return value


def loads(data: bytes) -> Any:
    """The JSON value in `data`. Raises BodyMalformed or BodyValueInvalid, and nothing else."""
    marks = json_pieces.without(data, _NOT_STRUCTURE)  # few, so that the rest needn't read all of a long text again
    if marks.count(b"[") + marks.count(b"{") > MAX_DEPTH and _is_too_deep(data, marks):
        raise BodyMalformed(f"The JSON is nested deeper than {MAX_DEPTH}.", code="json_depth")
    try:
        value = json_pieces.loads(data)
    except orjson.JSONDecodeError as error:
        raise _reason(data, error) from None
    if (b"\\" in data and _NUL in data) or _has_duplicate_keys(data, marks, value):
        # The careful reader names what is wrong, if anything is.
        return _load_carefully(data)
    return value


def _skeleton(data: bytes, marks: bytes) -> bytes:
    """The brackets, braces and colons of a JSON text, without those inside its strings; `marks` are all, and quotes."""
    if b"\\" not in data:
        kept = marks.replace(b'""', b"")
        # A quote that is left belongs to a string with structure characters in it.
        if b'"' not in kept:
            return kept
    return _STRING.sub(b"", data).translate(None, _NOT_STRUCTURE)


def _is_too_deep(data: bytes, marks: bytes) -> bool:
    """Whether containers are nested deeper than MAX_DEPTH. Builds nothing and never recurses.

    What is not balanced is no JSON: there, a run of open brackets longer than MAX_DEPTH counts as too deep.
    """
    brackets = _skeleton(data, marks).translate(_BRACES_AS_BRACKETS, b':"')
    for _ in range(MAX_DEPTH):
        # Takes away the innermost level.
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return b"[]" in brackets or brackets.count(b"[") > MAX_DEPTH


def _has_duplicate_keys(data: bytes, marks: bytes, value: Any) -> bool:
    """Whether an object in `data` names a key twice; `value` is what `data` reads as."""
    if type(value) is dict and marks.count(b"{") == 1 and marks.count(b":") == len(value):
        return False
    skeleton = _skeleton(data, marks)
    return _count_keys(value, skeleton.count(b"{")) != skeleton.count(b":")


def _count_keys(value: Any, objects: int) -> int:
    """The keys in all objects of `value`; stops when it has seen as many objects as were written."""
    keys = 0
    layer = [value]
    while layer and objects:
        below: list[Any] = []
        for item in layer:
            if type(item) is dict:
                keys += len(item)
                objects -= 1
                below.extend(item.values())
            elif type(item) is list:
                below.extend(item)
        layer = below
    return keys


def _reason(data: bytes, error: orjson.JSONDecodeError) -> Exception:
    """Why `data` was refused: the careful reader's reason, or else the syntax error."""
    try:
        _load_carefully(data)
    except (BodyMalformed, BodyValueInvalid) as better:
        return better
    return BodyMalformed(f"The body is not JSON: {error.msg}.", details={"position": error.pos})


def _load_carefully(data: bytes) -> Any:
    """The value of JSON that is not too deep; slower than `loads`, and names what is wrong with it."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BodyMalformed("The body is not UTF-8.", details={"position": error.start}) from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object_once,
            parse_constant=_refuse_constant,
            parse_int=_integer_or_double,
        )
    except json.JSONDecodeError as error:
        raise BodyMalformed(f"The body is not JSON: {error.msg}.", details={"position": error.pos}) from None
    for path, code, message in _unusable(value, ""):
        raise BodyValueInvalid(message, code=code, details={"path": path})
    return value


def _object_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise BodyMalformed("An object names a key twice.", code="duplicate_key", details={"key": _shown(twice)})
    return value


def _refuse_constant(name: str) -> Any:
    raise BodyMalformed(f"The body is not JSON: {name} is no JSON number.")


def _integer_or_double(digits: str) -> int | float:
    """Integers of up to 64 bits stay integers, as in `orjson`; longer ones become the nearest double."""
    if len(digits) <= 20 and -(2**63) <= (number := int(digits)) < 2**64:
        return number
    return float(digits)


def _unusable(value: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """(path, code, message) of each cell that nothing can work with. Recurses at most MAX_DEPTH times."""
    if type(value) is float:
        if not math.isfinite(value):
            yield path, "non_finite", f"The number at {path or 'the top'} is too large for a double."
    elif type(value) is str:
        if not _is_storable(value):
            yield path, "text", f"The text at {path or 'the top'} holds a lone surrogate or a NUL."
    elif type(value) is list:
        for index, item in enumerate(value):
            yield from _unusable(item, f"{path}[{index}]")
    elif type(value) is dict:
        for key, item in value.items():
            if not _is_storable(key):
                yield path, "text", f"A key at {path or 'the top'} holds a lone surrogate or a NUL."
            yield from _unusable(item, f"{path}.{_shown(key)}" if path else _shown(key))


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _shown(key: str) -> str:
    """A key as it may be said back: short, and encodable."""
    return key[:_SHOWN_KEY_LENGTH].encode("utf-8", "replace").decode()
