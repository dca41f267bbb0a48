"""Rows a client could send, for one signature and one fitted model."""

from typing import Any

import numpy as np

from inference.signature import Signature
from inference.validation.samples import learned as learning
from inference.validation.samples import numbers, words

ROWS = 640
TEXTS = 260
SEED = 20_260_101
STRANGE_SHARE = 0.25
UNKNOWN_WORDS = ("", "unseen", "Ünsèen", "0", " ")


def generate(model: Any, signature: Signature, sample: list[Any] | None) -> list[Any]:
    """Made-up rows in the form of `instances`: lists of cells, or strings."""
    vocabulary = learning.vocabulary(model)
    if signature.handler == "text":
        return list(words.generate(vocabulary, TEXTS, SEED))
    kinds = [column.dtype for column in signature.inputs]
    learned = learning.learn(model, signature.width, signature.names)
    if sample:
        _learn_sample(learned, sample, kinds)
    matrix = numbers.generate(learned, ROWS, SEED)
    if set(kinds) == {"float64"}:
        return [list(map(float, row)) for row in matrix]
    return _mixed(matrix, signature, learned, vocabulary, sample)


def gaps(rows: list[Any], signature: Signature) -> list[Any]:
    """Rows with missing cells in their numeric columns; none when there are no such columns."""
    numeric = [at for at, column in enumerate(signature.inputs) if column.dtype == "float64"]
    if signature.handler != "tabular" or not numeric or not rows:
        return []
    return numbers.with_gaps(rows, numeric, SEED)


def _learn_sample(learned: learning.Learned, sample: list[Any], kinds: list[str]) -> None:
    matrix = np.array(
        [
            [
                float(cell) if kind == "float64" and cell is not None else 0.0
                for cell, kind in zip(row, kinds, strict=True)
            ]
            for row in sample
        ]
    )
    learned.add_rows(matrix)


def _mixed(
    matrix: "np.ndarray[Any, Any]",
    signature: Signature,
    learned: learning.Learned,
    vocabulary: list[str],
    sample: list[Any] | None,
) -> list[Any]:
    random = np.random.default_rng(SEED)
    strange = random.random(len(matrix)) < STRANGE_SHARE
    columns: list[list[Any]] = []
    for at, column in enumerate(signature.inputs):
        if column.dtype == "bool":
            columns.append([bool(value) for value in random.random(len(matrix)) < 0.5])
        elif column.dtype == "string":
            known, pool = _pools(at, learned, vocabulary, sample)
            picks = [pool if odd or not known else known for odd in strange]
            columns.append([pick[int(random.integers(len(pick)))] for pick in picks])
        else:
            columns.append(_numbers(matrix[:, at], learned.categories.get(at), strange, random))
    return [list(row) for row in zip(*columns, strict=True)]


def _pools(
    at: int, learned: learning.Learned, vocabulary: list[str], sample: list[Any] | None
) -> tuple[list[str], list[str]]:
    """(strings the model has seen in the column, those and others)."""
    seen = [row[at] for row in sample or () if isinstance(row[at], str)]
    known = [value for value in learned.categories.get(at, ()) if isinstance(value, str)]
    texts = words.generate(vocabulary, 80, SEED + at) if vocabulary else []
    return [*known, *seen], [*known, *seen, *texts, *UNKNOWN_WORDS]


def _numbers(values: Any, categories: list[Any] | None, strange: Any, random: Any) -> list[float]:
    known = [float(c) for c in categories or () if isinstance(c, (int, float)) and np.isfinite(c)]
    if not known:
        return [float(value) for value in values]
    picked = random.integers(len(known), size=len(values))
    return [float(value) if odd else known[int(i)] for i, value, odd in zip(picked, values, strange, strict=True)]
