"""Lines of a spool file as records that every supported database can hold, or a reason why not."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from monitoring.models import Outcome

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OUTCOMES = frozenset(Outcome.values)
_LATEST = 253_402_300_799  # 9999-12-31T23:59:59Z
_BIGGEST_KEY = 2**63 - 1
_BIGGEST_COUNT = 2**31 - 1
# Text columns and their lengths: longer text is cut, because a record is worth more than the end of a label.
_TEXTS = {"request_id": 128, "subject_id": 200, "error_code": 64}
_ESCAPED_NUL = rb"\u0000"
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class BadRecord(Exception):
    """A line that is no record; the message says why."""


@dataclass(slots=True)
class Record:
    """A line, its values, and where it stands in the file. `line` always says what `values` say."""

    values: dict[str, Any]
    line: bytes
    offset: int

    def change(self, **values: Any) -> None:
        """Replace values, and the line with them."""
        self.values.update(values)
        self.line = orjson.dumps(self.values)


def parse_plain(data: bytes, offset: int) -> list[Record] | None:
    """The records in whole lines, which begin at `offset`, if all are as `append` writes them; None otherwise.

    They are what `parse` finds in each line by itself, at half the cost: values are looked at column by column.
    """
    if _has_nul(data):
        return None
    lines = data[:-1].split(b"\n")
    try:
        values = [orjson.loads(line) for line in lines]
        columns = zip(*map(_of_rules_and_data, values), strict=True)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    if not all(rule.is_plain(column) for rule, column in zip(_RULES, columns, strict=False)):
        return None
    starts = accumulate((len(line) + 1 for line in lines), initial=offset)
    return [Record(*parts) for parts in zip(values, lines, starts, strict=False)]


def parse(line: bytes, offset: int) -> Record:
    """The record in `line` (without its newline). Raises BadRecord."""
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadRecord(f"not JSON: {error}") from error
    if not isinstance(values, dict):
        raise BadRecord("not a JSON object")
    record = Record(values, line, offset)
    if _fill_in(values):
        record.change()
    for name, size in _TEXTS.items():
        if len(values[name]) > size:
            record.change(**{name: values[name][:size]})
    if _has_nul(line):
        # PostgreSQL's text and jsonb can't hold the character NUL.
        record.change(**_without_nul(values))
    return record


def _has_nul(data: bytes) -> bool:
    return b"\\" in data and _ESCAPED_NUL in data  # the first is found, or not, much sooner


def _fill_in(values: dict[str, Any]) -> bool:
    """Fill in what may be left out; tells whether the line must say so too.

    Raises BadRecord unless every value has the type and range of its column.
    """
    has_new_text = False
    for rule in _RULES:
        value = values.get(rule.name)
        if value is None:
            if rule.default is _MISSING:
                raise BadRecord(f"no value of {rule.name}")
            values[rule.name] = rule.default
            has_new_text = has_new_text or rule.default is not None
        elif type(value) not in rule.types or not rule.fit([value]):
            raise BadRecord(f"bad value of {rule.name}: {value!r:.80}")
    for name in _DATA:
        values.setdefault(name, None)
    return has_new_text


_MISSING = object()


class _Rule(NamedTuple):
    """What the values of a key must be, and what stands for no value (where there may be none)."""

    name: str
    types: frozenset[type]
    fit: Callable[[Collection[Any]], bool]
    default: Any = _MISSING

    def is_plain(self, column: Collection[Any]) -> bool:
        """Whether nothing need be changed in these values."""
        types = set(map(type, column))
        if self.default is None and type(None) in types:
            types.remove(type(None))
            column = [value for value in column if value is not None]
        return types <= self.types and (not column or self.fit(column)) and not self._is_too_long(column)

    def _is_too_long(self, column: Collection[Any]) -> bool:
        return self.name in _TEXTS and max(map(len, column)) > _TEXTS[self.name]


def _anything(_: Collection[Any]) -> bool:
    return True


def _are_uuids(values: Collection[str]) -> bool:
    return all(map(_UUID.fullmatch, set(values)))


def _between(least: float, most: float) -> Callable[[Collection[float]], bool]:
    def fit(values: Collection[float]) -> bool:
        return least <= min(values) and max(values) <= most

    return fit


_TEXT, _WHOLE, _NUMBER = frozenset((str,)), frozenset((int,)), frozenset((int, float))
_are_keys, _are_counts = _between(1, _BIGGEST_KEY), _between(0, _BIGGEST_COUNT)
_are_durations = _between(0, float("inf"))

_RULES = (
    _Rule("id", _TEXT, _are_uuids),
    _Rule("request_id", _TEXT, _anything, ""),
    _Rule("at", _NUMBER, _between(0, _LATEST)),
    _Rule("model_id", _WHOLE, _are_keys),
    _Rule("version_id", _WHOLE, _are_keys, None),
    _Rule("user_id", _WHOLE, _are_keys, None),
    _Rule("key_id", _TEXT, _are_uuids, None),
    _Rule("subject_id", _TEXT, _anything, ""),
    _Rule("outcome", _TEXT, _OUTCOMES.issuperset),
    _Rule("status_code", _WHOLE, _between(0, 999)),
    _Rule("error_code", _TEXT, _anything, ""),
    _Rule("instance_count", _WHOLE, _are_counts),
    _Rule("latency_ms", _NUMBER, _are_durations),
    _Rule("inference_ms", _NUMBER, _are_durations, None),
    _Rule("confidence", _NUMBER, _anything, None),
)
_DATA = ("input", "output")
_of_rules_and_data = itemgetter(*(rule.name for rule in _RULES), *_DATA)


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", _REPLACEMENT)
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return value
