"""The signature of a fitted scikit-learn model: what a client sends and what comes back."""

from dataclasses import replace
from typing import Any

import numpy as np

from inference.errors import ValidationFailed
from inference.signature import Column, Feed, Signature, SignatureInvalid
from inference.validation import structure

SampleRows = list[Any]


def derive(model: Any, *, task: str | None, handler: str | None, sample: SampleRows | None) -> Signature:
    """Inputs and feeds for the native model; the outputs are filled in by `with_outputs`.

    Raises ValidationFailed: no_predict, schema_mismatch, sample_invalid.
    """
    found_task = _task(model, task)
    if structure.takes_text(model):
        kinds = ["string"]
        inputs: tuple[Column, ...] = (Column("text", "string"),)
        found_handler = "text"
    else:
        names, kinds = _columns(model, sample)
        inputs = tuple(Column(name, kind) for name, kind in zip(names, kinds, strict=True))
        found_handler = "tabular"
    if handler not in (None, found_handler):
        raise ValidationFailed(
            "schema_mismatch",
            f"The model takes {found_handler} input; the handler {handler!r} does not fit it.",
            field="handler",
        )
    dataframe = found_handler == "tabular" and structure.needs_dataframe(model, kinds)
    try:
        return Signature(
            handler=found_handler,
            task=found_task,
            inputs=inputs,
            feeds=_native_feeds(inputs, dataframe, found_handler),
            labels_output="predict",
            dataframe=dataframe,
        )
    except SignatureInvalid as error:
        raise ValidationFailed("schema_mismatch", f"The model's {error}.", field="file") from error


def with_outputs(signature: Signature, model: Any, labels: Any, probabilities: Any) -> Signature:
    """Completes the signature from what the model answered on real rows."""
    width = labels.shape[1] if labels.ndim == 2 and labels.shape[1] > 1 else None
    classes = None
    if signature.task == "classification" and width is None:
        classes = _classes(model, labels)
    usable = (
        probabilities is not None
        and classes is not None
        and getattr(probabilities, "ndim", 0) == 2
        and probabilities.shape[1] == len(classes)
    )
    return replace(
        signature,
        classes=classes,
        has_probabilities=usable,
        probabilities_output="predict_proba" if usable else None,
        multi_output=width,
    )


def _task(model: Any, asked: str | None) -> str:
    found = structure.task_of(model)
    if found is None:
        found = asked or "regression"
    if asked is not None and asked != found:
        raise ValidationFailed(
            "schema_mismatch",
            f"The model does {found}; the task {asked!r} does not fit it.",
            field="task",
        )
    return found


def _columns(model: Any, sample: SampleRows | None) -> tuple[list[str], list[str]]:
    """(names, dtypes). A sample names what the model left unnamed, and tells types the model does not know."""
    fitted = structure.fitted_columns(model)
    rows = _sample_cells(sample)
    if fitted is None and rows is None:
        structure.require_fitted(model)
        raise ValidationFailed(
            "sample_invalid",
            "The model does not say how many columns it takes. Upload a sample of input rows with it.",
            field="sample",
        )
    if fitted is None:
        assert rows is not None
        told, cells = rows
        names = told or [f"feature_{at}" for at in range(len(cells))]
        return names, [_kind(values, "float64") for values in cells]
    names, kinds = [name for name, _ in fitted], [kind for _, kind in fitted]
    given, cells = rows or (None, [])
    if given is None:
        return names, kinds
    if not structure.names_its_columns(model):
        return (given if len(given) == len(names) else names), kinds
    missing = [name for name in names if name not in given]
    if missing:
        raise ValidationFailed("sample_invalid", f"The sample lacks the column {missing[0]!r}.", field="sample")
    known = dict(fitted)
    order = [*names, *(name for name in given if name not in known)]
    return order, [_kind(cells[given.index(name)], known.get(name, "float64")) for name in order]


def _sample_cells(sample: SampleRows | None) -> tuple[list[str] | None, list[list[Any]]] | None:
    """(names or None, cells by column) of a sample of rows; None without one."""
    if not sample:
        return None
    if all(isinstance(row, dict) and row for row in sample):
        names = list(sample[0])
        if all(row.keys() == sample[0].keys() for row in sample):
            return names, [[row[name] for row in sample] for name in names]
    if all(isinstance(row, list) for row in sample):
        width = len(sample[0])
        if width and all(len(row) == width for row in sample):
            return None, [list(column) for column in zip(*sample, strict=True)]
    if not any(isinstance(row, (list, dict)) for row in sample):
        return None, [list(sample)]
    raise ValidationFailed(
        "sample_invalid",
        "The sample must be a list of rows that all have the same form and the same columns.",
        field="sample",
    )


def _kind(values: list[Any], fitted: str) -> str:
    """A column's type from its sample cells, else from what it was fitted on."""
    present = {type(value) for value in values if value is not None}
    if present == {str}:
        return "string"
    if present == {bool}:
        return "bool"
    if present and present <= {int, float}:
        return "float64"
    return fitted


def _native_feeds(inputs: tuple[Column, ...], dataframe: bool, handler: str) -> tuple[Feed, ...]:
    if handler == "text":
        return (Feed("X", "string", (0,), (-1,)),)
    if dataframe:
        return tuple(Feed(f"column_{at}", column.dtype, (at,), (-1,)) for at, column in enumerate(inputs))
    kinds = {column.dtype for column in inputs}
    dtype = "float64" if kinds <= {"float64", "bool"} else "string"
    if dtype == "string" and kinds != {"string"}:
        raise ValidationFailed(
            "schema_mismatch",
            "The model mixes numbers and strings in one matrix. Fit it on a data frame with named columns.",
            field="file",
        )
    return (Feed("X", dtype, tuple(range(len(inputs))), (-1, len(inputs))),)


def _classes(model: Any, labels: Any) -> tuple[Any, ...]:
    found = structure.classes_of(model)
    values = np.unique(labels) if found is None else np.asarray(found)
    plain = values.tolist()
    if any(not isinstance(value, (str, int, float, bool)) for value in plain):
        raise ValidationFailed("schema_mismatch", "The model's classes are neither strings nor numbers.", field="file")
    return tuple(plain)
