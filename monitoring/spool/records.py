"""One line of a spool file as a record that every supported database can hold, or a reason why not."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import orjson

from monitoring.models import Outcome

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OUTCOMES = frozenset(Outcome.values)
_LATEST = 253_402_300_799  # 9999-12-31T23:59:59Z
_BIGGEST_KEY = 2**63 - 1
_BIGGEST_COUNT = 2**31 - 1
# Text columns and their lengths: longer text is cut, because a record is worth more than the end of a label.
_TEXTS = {"request_id": 128, "subject_id": 200, "error_code": 64}
_NUMBERS = frozenset((int, float))
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


def parse(line: bytes, offset: int) -> Record:
    """The record in `line` (without its newline). Raises BadRecord."""
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadRecord(f"not JSON: {error}") from error
    if not isinstance(values, dict):
        raise BadRecord("not a JSON object")
    record = Record(values, line, offset)
    if not _is_as_written(values):
        _mend(record)
    if b"\\" in line and _ESCAPED_NUL in line:  # the first is found, or not, much sooner
        # PostgreSQL's text and jsonb can't hold the character NUL.
        record.change(**_without_nul(values))
    return record


def _mend(record: Record) -> None:
    """Fill in what may be left out, and cut texts that are too long. Raises BadRecord."""
    if _check(record.values):
        record.change()
    for name, size in _TEXTS.items():
        if len(record.values[name]) > size:
            record.change(**{name: record.values[name][:size]})


def _is_as_written(values: dict[str, Any]) -> bool:
    """Whether a record is what `append` writes for a plain answer: `_check` would find nothing, at a higher cost."""
    try:
        plain = _PLAIN(values)
        if tuple(map(type, plain)) not in _PLAIN_TYPES:
            return False
        at, model_id, version_id, user_id, count, status, latency, inference, _, outcome, request, subject, code = plain
        key_id = values["key_id"]
        return (
            _UUID.fullmatch(values["id"]) is not None
            and 0 <= at <= _LATEST
            and 0 < model_id <= _BIGGEST_KEY
            and 0 < version_id <= _BIGGEST_KEY
            and 0 < user_id <= _BIGGEST_KEY
            and (key_id is None or _UUID.fullmatch(key_id) is not None)
            and outcome in _OUTCOMES
            and 0 <= count <= _BIGGEST_COUNT
            and 0 <= status <= 999
            and latency >= 0
            and inference >= 0
            and len(request) <= _TEXTS["request_id"]
            and len(subject) <= _TEXTS["subject_id"]
            and len(code) <= _TEXTS["error_code"]
        )
    except (KeyError, TypeError):
        return False


_PLAIN = itemgetter(
    "at", "model_id", "version_id", "user_id", "instance_count", "status_code", "latency_ms", "inference_ms",
    "confidence", "outcome", "request_id", "subject_id", "error_code",
)  # fmt: skip
_PLAIN_TYPES = frozenset(
    (float, int, int, int, int, int, float, float, confidence, str, str, str, str) for confidence in (float, type(None))
)
_MISSING = object()


def _check(values: dict[str, Any]) -> bool:
    """Raise BadRecord unless every value has the type and range of its column.

    What may be left out is filled in; tells whether the line must say so too.
    """
    has_new_text = False
    for name, accept, default in _RULES:
        value = values.get(name, _MISSING)
        if value is _MISSING or value is None:
            if default is _MISSING:
                raise BadRecord(f"no value of {name}")
            values[name] = default
            has_new_text = has_new_text or default is not None
        elif not accept(value):
            raise BadRecord(f"bad value of {name}: {value!r:.80}")
    return has_new_text


def _is_uuid(value: Any) -> bool:
    return type(value) is str and _UUID.fullmatch(value) is not None


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_outcome(value: Any) -> bool:
    return type(value) is str and value in _OUTCOMES


def _is_key(value: Any) -> bool:
    return type(value) is int and 0 < value <= _BIGGEST_KEY


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _BIGGEST_COUNT


def _is_status(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 999


def _is_time(value: Any) -> bool:
    return type(value) in _NUMBERS and 0 <= value <= _LATEST


def _is_duration(value: Any) -> bool:
    return type(value) in _NUMBERS and value >= 0


def _is_number(value: Any) -> bool:
    return type(value) in _NUMBERS


# Key, what its value must be, and what stands for no value (where there may be none).
_RULES: tuple[tuple[str, Callable[[Any], bool], Any], ...] = (
    ("id", _is_uuid, _MISSING),
    ("request_id", _is_text, ""),
    ("at", _is_time, _MISSING),
    ("model_id", _is_key, _MISSING),
    ("version_id", _is_key, None),
    ("user_id", _is_key, None),
    ("key_id", _is_uuid, None),
    ("subject_id", _is_text, ""),
    ("outcome", _is_outcome, _MISSING),
    ("status_code", _is_status, _MISSING),
    ("error_code", _is_text, ""),
    ("instance_count", _is_count, _MISSING),
    ("latency_ms", _is_duration, _MISSING),
    ("inference_ms", _is_duration, None),
    ("confidence", _is_number, None),
)


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", _REPLACEMENT)
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return value
