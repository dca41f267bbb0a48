"""One truth as somebody tells it: checked and in plain values, before its prediction is looked for."""

import math
import re
import uuid
from dataclasses import dataclass
from typing import Any

from monitoring.outcomes.errors import FeedbackInvalid
from monitoring.outcomes.models import MAX_LABEL_LENGTH
from monitoring.outcomes.truth import Told

MOST_ROWS = 10_000
_SOURCE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Given:
    """One truth: about the prediction of an id, or the newest recorded one about a subject (of `model`, if named)."""

    told: Told
    prediction_id: uuid.UUID | None = None
    subject_id: str = ""
    model: str = ""
    index: int = 0
    source: str = "api"


def given(
    *,
    prediction_id: Any = None,
    subject_id: Any = "",
    model: Any = "",
    label: Any = None,
    value: Any = None,
    index: Any = 0,
    source: Any = "api",
) -> Given:
    """A checked item from plain values. Raises FeedbackInvalid."""
    if (prediction_id is None) == (subject_id in (None, "")):
        raise FeedbackInvalid("Give prediction_id or subject_id.", code="prediction_or_subject", field="prediction_id")
    if (label is None) == (value is None):
        raise FeedbackInvalid("Give label or value.", code="label_or_value", field="label")
    if type(index) is not int or not 0 <= index < MOST_ROWS:
        raise FeedbackInvalid("index takes the place of a row, from 0.", code="not_an_index", field="index")
    if not isinstance(source, str) or not _SOURCE.fullmatch(source):
        raise FeedbackInvalid(
            "source takes up to 32 small letters, digits, and _ . -", code="not_a_source", field="source"
        )
    return Given(
        told=Told(label=None if label is None else _label(label), value=None if value is None else _value(value)),
        prediction_id=None if prediction_id is None else _id(prediction_id),
        subject_id=_text(subject_id, "subject_id", 200),
        model=_text(model, "model", 100),
        index=index,
        source=source,
    )


def _id(text: Any) -> uuid.UUID:
    if isinstance(text, uuid.UUID):
        return text
    try:
        return uuid.UUID(text)
    except (ValueError, TypeError, AttributeError) as error:
        raise FeedbackInvalid(
            "prediction_id takes the id of a prediction.", code="not_an_id", field="prediction_id"
        ) from error


def _label(label: Any) -> str | int | float | bool:
    if isinstance(label, bool):
        return label
    if isinstance(label, int | float) and math.isfinite(label) and abs(label) < 2**63:
        return label
    if isinstance(label, str) and len(label) <= MAX_LABEL_LENGTH and "\0" not in label:
        return label
    raise FeedbackInvalid(
        f"label takes a text of at most {MAX_LABEL_LENGTH} characters, a number, true or false.",
        code="not_a_label", field="label",
    )  # fmt: skip


def _value(value: Any) -> float:
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or abs(number) > 1e150:
        raise FeedbackInvalid("value takes a number.", code="not_a_value", field="value")
    return number


def _text(text: Any, name: str, length: int) -> str:
    if text in (None, ""):
        return ""
    if not isinstance(text, str) or len(text) > length or "\0" in text:
        raise FeedbackInvalid(f"{name} takes a text of at most {length} characters.", code=f"not_a_{name}", field=name)
    return text
