"""A part's results as bytes of the file they end up in: `row` from 1, the answer, or what is wrong with the row."""

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from inference.bulk import arrow
from inference.bulk.files import Kind
from inference.bulk.parsing import Refusal
from inference.handlers.answers import AnswerColumns, to_columns
from inference.signature import Signature
from monitoring.exporting import guarded

if TYPE_CHECKING:
    from inference.bulk.scoring import Answered

ERROR_NAMES = ("error_code", "error_field", "error")
# Of strings: joining many bytes takes three times as long.
Texts = list[str]
_NULL = b"null"


def header(signature: Signature, kind: Kind) -> bytes:
    """What stands before the first part."""
    if kind != "csv":
        return b""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerow(
        [guarded(name) for name in ("row", *answer_names(signature), *ERROR_NAMES)]
    )
    return text.getvalue().encode(errors="replace")


def answer_names(signature: Signature) -> list[str]:
    """The columns of an answer."""
    labels = ["prediction"]
    if signature.multi_output is not None:
        labels = [f"prediction_{at}" for at in range(signature.multi_output)]
    if not signature.has_probabilities:
        return labels
    classes = range(0) if signature.classes is None else signature.classes
    return [*labels, "confidence", *(f"probability_{shown(name)}" for name in classes)]


def shown(label: Any) -> str:
    """A class in a column's name."""
    return label if isinstance(label, str) else _json_text(label)


def write(answered: "Answered", signature: Signature, *, kind: Kind, first_row: int) -> bytes:
    """All rows of a part, in order."""
    told = None if answered.output is None else to_columns(answered.output, signature)
    if kind == "parquet":
        return _as_parquet(answered, told, signature, first_row)
    numbers = _texts(np.arange(first_row + 1, first_row + 1 + answered.total), is_csv=False)
    is_csv = kind == "csv"
    weave = _csv_woven if is_csv else _json_woven
    if told is not None and not answered.refused:
        return _joined(weave(numbers, told)).encode(errors="replace")
    lines: Texts = [""] * answered.total
    if told is not None:
        places = answered.places.tolist()
        woven = weave([numbers[at] for at in places], told)
        for at, line in zip(places, map("".join, zip(*woven, strict=True)), strict=True):
            lines[at] = line
    blanks = "," * len(answer_names(signature))
    for at, refusal in answered.refused.items():
        lines[at] = _csv_refusal(numbers[at], refusal, blanks) if is_csv else _json_refusal(numbers[at], refusal)
    return "".join(lines).encode(errors="replace")


# -- CSV and JSON lines -------------------------------------------------------------------------------


def _joined(woven: list[Texts]) -> str:
    """All rows from the texts that stand in each, side by side, without making a text of each row first."""
    pieces = [""] * (len(woven) * len(woven[0]))
    for at, texts in enumerate(woven):
        pieces[at :: len(woven)] = texts
    return "".join(pieces)


def _csv_woven(numbers: Texts, told: AnswerColumns) -> list[Texts]:
    comma = [","] * len(numbers)
    woven = [numbers]
    for column in [told.labels] if told.labels.ndim == 1 else told.labels.T:
        woven += [comma, _texts(column, is_csv=True)]
    if told.probabilities is not None and told.confidence is not None:
        woven += [comma, _rows(np.column_stack([told.confidence, told.probabilities]), gap=b"")]
    return [*woven, [",,,\n"] * len(numbers)]  # three fields: there is no error


def _json_woven(numbers: Texts, told: AnswerColumns) -> list[Texts]:
    if told.labels.ndim == 1:
        labels = _texts(told.labels, is_csv=False)
    else:
        columns = [_texts(one, is_csv=False) for one in told.labels.T]
        labels = [f"[{','.join(row)}]" for row in zip(*columns, strict=True)]
    fields = {'{"row":': numbers, ',"prediction":': labels}
    end = "}\n"
    if told.probabilities is not None:
        fields[',"confidence":'] = _texts(told.confidence, is_csv=False)
        fields[',"probabilities":['] = _rows(told.probabilities)
        end = "]}\n"
    woven = [texts for name, values in fields.items() for texts in ([name] * len(numbers), values)]
    return [*woven, [end] * len(numbers)]


def _texts(values: Any, *, is_csv: bool) -> Texts:
    """Each value as it is written; numbers as JSON has them, the shortest text that reads back as the same."""
    if values.dtype.kind in "fiu":
        return _numbers(values, b"" if is_csv else _NULL)[1:-1].split(",")
    write = _csv_text if is_csv else _json_text
    plain = values.tolist()
    distinct = set(plain)
    if set(map(type, distinct)) != {str} and len(set(map(type, plain))) > 1:
        return [write(value) for value in plain]  # True is equal to 1, and is written otherwise
    return list(map({value: write(value) for value in distinct}.__getitem__, plain))


def _rows(values: Any, gap: bytes = _NULL) -> Texts:
    """The rows of a matrix, without brackets. `gap`: what stands where there is no number."""
    return _numbers(values, gap)[2:-2].split("],[")


def _numbers(values: Any, gap: bytes) -> str:
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    return (text if gap == _NULL or np.isfinite(values).all() else text.replace(_NULL, gap)).decode()


def _json_text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _csv_text(value: Any) -> str:
    told = guarded(value)
    if isinstance(told, str):
        return '"' + told.replace('"', '""') + '"'
    return _json_text(told)


def _csv_refusal(number: str, refusal: Refusal, blanks: str) -> str:
    words = [_csv_text(word) for word in (refusal.code, refusal.field or "", refusal.message)]
    return f"{number}{blanks},{','.join(words)}\n"


def _json_refusal(number: str, refusal: Refusal) -> str:
    error = {"code": refusal.code, "field": refusal.field, "message": refusal.message}
    return f'{{"row":{number},"error":{_json_text(error)}}}\n'


# -- Parquet ------------------------------------------------------------------------------------------


def _as_parquet(answered: "Answered", told: AnswerColumns | None, signature: Signature, first_row: int) -> bytes:
    names = answer_names(signature)
    label = _label_type(signature)
    types = {"row": "int64", **{name: label if name.startswith("prediction") else "double" for name in names}}
    types |= dict.fromkeys(ERROR_NAMES, "string")
    columns: dict[str, Any] = {"row": np.arange(first_row + 1, first_row + 1 + answered.total)}
    for name, values in zip(names, _answer_arrays(told, len(names)), strict=True):
        columns[name] = _spread(values, answered, label if name.startswith("prediction") else "double")
    refusals = [answered.refused.get(at) for at in range(answered.total)]
    columns["error_code"] = [refusal and refusal.code for refusal in refusals]
    columns["error_field"] = [refusal and refusal.field for refusal in refusals]
    columns["error"] = [refusal and refusal.message for refusal in refusals]
    return arrow.table_bytes(columns, types)


def _label_type(signature: Signature) -> str:
    kinds = {type(label) for label in signature.classes or ()}
    if signature.task == "regression" or kinds == {float} or not kinds:
        return "double"
    return {bool: "bool", int: "int64"}.get(next(iter(kinds)), "string") if len(kinds) == 1 else "string"


def _answer_arrays(told: AnswerColumns | None, count: int) -> list[Any]:
    if told is None:
        return [None] * count
    labels = [told.labels] if told.labels.ndim == 1 else list(told.labels.T)
    if told.probabilities is None:
        return labels
    return [*labels, told.confidence, *told.probabilities.T]


def _spread(values: Any, answered: "Answered", kind: str) -> Any:
    """The values at their rows, None at all others."""
    if values is None:
        return [None] * answered.total
    plain = [None if value != value else value for value in values.tolist()]
    if kind == "string":
        plain = [value if value is None else shown(value) for value in plain]
    elif kind in ("int64", "bool"):
        make = int if kind == "int64" else bool
        plain = [value if value is None else make(value) for value in plain]
    if len(plain) == answered.total:
        return plain
    spread: list[Any] = [None] * answered.total
    for at, value in zip(answered.places.tolist(), plain, strict=True):
        spread[at] = value
    return spread
