"""What the original model answers, on the uploaded sample and on made-up rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inference import handlers
from inference.errors import InputInvalid, ModelExecutionFailed, ValidationFailed
from inference.handlers import table
from inference.handlers.base import Payload
from inference.runtimes.sklearn import SklearnModel
from inference.signature import Signature
from inference.validation import margins, native_schema
from inference.validation.outputs import Answers, has_gaps
from inference.validation.samples import boundaries, categories
from inference.validation.samples import rows as made_up

MAX_SAMPLE_ROWS = 500
SMALL = 4


@dataclass(frozen=True, slots=True)
class Reference:
    """rows[:sample_rows] came with the upload; rows[gaps_from:] have missing cells."""

    signature: Signature
    rows: list[Any]
    answers: Answers
    sample_rows: int
    gaps_from: int


def build(model: Any, *, task: str | None, handler: str | None, sample: list[Any] | None) -> Reference:
    """Raises ValidationFailed: no_predict, schema_mismatch, sample_invalid."""
    signature = native_schema.derive(model, task=task, handler=handler, sample=sample)
    given = sample_rows(signature, sample)
    signature = _complete(model, signature, given)
    whole = [row for row in given if not isinstance(row, list) or None not in row]
    generated = made_up.generate(model, signature, whole)
    native = SklearnModel(model, signature)
    generated = _answerable(native, signature, generated)
    if not given and not generated:
        raise _cannot_answer(native, signature, made_up.generate(model, signature, None)[:SMALL])
    if generated or whole:
        signature = _with_closed_columns(native, signature, (whole or generated)[0], categories.known(model, signature))
    generated += _beside_boundaries(native, signature, [*whole, *generated])
    gaps = made_up.gaps(generated, signature)
    widened = replace(signature, allows_missing=True)
    if gaps and _answers_gaps(SklearnModel(model, widened), widened, gaps):
        signature = widened
    else:
        gaps = []
    rows = [*given, *generated, *gaps]
    answers = native_answers(SklearnModel(model, signature), signature, rows)
    return _without_nan(signature, rows, answers, len(given), len(rows) - len(gaps))


def sample_rows(signature: Signature, sample: list[Any] | None) -> list[Any]:
    """The sample in the form of made-up rows: lists of cells, or strings. Raises ValidationFailed."""
    if not sample:
        return []
    payload = Payload("instances", sample[:MAX_SAMPLE_ROWS])
    tolerant = replace(signature, allows_missing=True)
    try:
        handlers.get(signature.handler).preprocess(payload, tolerant)
        if signature.handler == "tensor":
            return list(payload.data)
        cells = table.read_table(payload, signature).rows
    except InputInvalid as error:
        path = error.path.replace("instances", "sample", 1)
        message = error.message.replace(error.path, path) if error.path else error.message
        raise ValidationFailed(
            "sample_invalid", f"The sample does not fit the model: {message} ({error.code}).", field="sample"
        ) from error
    return [row[0] if signature.handler == "text" else list(row) for row in cells]


def native_answers(native: SklearnModel, signature: Signature, rows: list[Any]) -> Answers:
    """Raises ModelExecutionFailed."""
    handler = handlers.get(signature.handler)
    feeds = handler.preprocess(Payload("instances", rows), signature)
    raw = native.predict(feeds)
    said = handler.postprocess(raw, signature)
    return Answers(said.predictions, said.probabilities, margins.measure(native, signature, feeds, raw))


def _complete(model: Any, signature: Signature, given: list[Any]) -> Signature:
    """Adds the outputs, learnt from a first small call."""
    tolerant = replace(signature, allows_missing=True)
    native = SklearnModel(model, tolerant)
    tries = [given[:SMALL]] if given else [[row] for row in made_up.generate(model, signature, None)[:60]]
    last: Exception | None = None
    for rows in tries:
        try:
            feeds = handlers.get(signature.handler).preprocess(Payload("instances", rows), tolerant)
            raw = native.predict(feeds)
            return native_schema.with_outputs(
                signature, model, np.asarray(raw.labels), _probabilities(model, native, feeds)
            )
        except (ModelExecutionFailed, InputInvalid) as error:
            last = error
    field = "sample" if given else "file"
    raise ValidationFailed(
        "sample_invalid" if given else "schema_mismatch",
        f"The model itself cannot answer: {last}. " + ("" if given else "Upload a sample of input rows."),
        field=field,
    )


def _probabilities(model: Any, native: SklearnModel, feeds: Any) -> Any:
    if not hasattr(model, "predict_proba"):
        return None
    try:
        return np.asarray(native.call("predict_proba", feeds))
    except Exception:
        return None


def _answerable(native: SklearnModel, signature: Signature, rows: list[Any]) -> list[Any]:
    """The rows on which the model does not raise; halves what fails until single rows remain."""

    def works(part: list[Any]) -> bool:
        try:
            native_answers(native, signature, part)
        except (ModelExecutionFailed, InputInvalid):
            return False
        return True

    return _filtered(rows, works)


def _filtered(rows: list[Any], works: Callable[[list[Any]], bool]) -> list[Any]:
    if not rows or works(rows):
        return rows
    if len(rows) == 1:
        return []
    middle = len(rows) // 2
    return [*_filtered(rows[:middle], works), *_filtered(rows[middle:], works)]


def _with_closed_columns(
    native: SklearnModel, signature: Signature, row: Any, known: dict[int, list[Any]]
) -> Signature:
    """Columns in which the model raises on a value it has not seen take only the values it has."""
    inputs = list(signature.inputs)
    for at, values in known.items():
        strange = list(row)
        strange[at] = categories.strange_to(values)
        try:
            native_answers(native, signature, [strange])
        except (ModelExecutionFailed, InputInvalid):
            inputs[at] = replace(inputs[at], one_of=tuple(values))
    return replace(signature, inputs=tuple(inputs))


def _beside_boundaries(native: SklearnModel, signature: Signature, rows: list[Any]) -> list[Any]:
    if signature.task != "classification":
        return []

    def predict(some: list[Any]) -> list[Any]:
        return native_answers(native, signature, some).predictions

    try:
        return boundaries.generate(signature, rows, predict(rows), predict)
    except (ModelExecutionFailed, InputInvalid):
        return []


def _answers_gaps(native: SklearnModel, signature: Signature, gaps: list[Any]) -> bool:
    try:
        answers = native_answers(native, signature, gaps)
    except (ModelExecutionFailed, InputInvalid):
        return False
    return not any(has_gaps(said) for said in answers.predictions)


def _without_nan(signature: Signature, rows: list[Any], answers: Answers, given: int, gaps_from: int) -> Reference:
    """Drops rows that the original answers with NaN or infinity; NaN probabilities are kept, as null."""
    whole = [at for at, said in enumerate(answers.predictions) if not has_gaps(said)]
    if not whole:
        raise ValidationFailed("schema_mismatch", "The model answers NaN for every input that was tried.", field="file")
    return Reference(
        signature,
        [rows[at] for at in whole],
        answers.pick(whole),
        sum(at < given for at in whole),
        sum(at < gaps_from for at in whole),
    )


def _cannot_answer(native: SklearnModel, signature: Signature, rows: list[Any]) -> ValidationFailed:
    reason = "no input was accepted"
    try:
        native_answers(native, signature, rows)
    except (ModelExecutionFailed, InputInvalid) as error:
        reason = str(error)
    return ValidationFailed(
        "schema_mismatch",
        f"The model answers none of the made-up inputs ({reason}). Upload a sample of input rows.",
        field="sample",
    )
