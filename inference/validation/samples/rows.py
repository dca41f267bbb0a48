"""Rows a client could send, for one signature and one fitted model."""

from typing import Any

import numpy as np

from inference.signature import Signature
from inference.validation.samples import learned as learning
from inference.validation.samples import numbers, words

ROWS = 480
TEXTS = 260
SEED = 20_260_101
UNKNOWN_WORDS = ("", "unseen", "Ünsèen", "0", " ")


def generate(model: Any, signature: Signature, sample: list[Any] | None) -> list[Any]:
    """Made-up rows in the form of `instances`: lists of cells, or strings."""
    vocabulary = learning.vocabulary(model)
    if signature.handler == "text":
        return list(words.generate(vocabulary, TEXTS, SEED))
    kinds = [column.dtype for column in signature.inputs]
    learned = learning.learn(model, signature.width)
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
    columns: list[list[Any]] = []
    for at, column in enumerate(signature.inputs):
        if column.dtype == "bool":
            columns.append([bool(value) for value in random.random(len(matrix)) < 0.5])
        elif column.dtype == "string":
            pool = _pool(at, learned, vocabulary, sample)
            columns.append([pool[int(i)] for i in random.integers(len(pool), size=len(matrix))])
        else:
            columns.append(_numbers(matrix[:, at], learned.categories.get(at), random))
    return [list(row) for row in zip(*columns, strict=True)]


def _pool(at: int, learned: learning.Learned, vocabulary: list[str], sample: list[Any] | None) -> list[str]:
    seen = [row[at] for row in sample or () if isinstance(row[at], str)]
    known = [value for value in learned.categories.get(at, ()) if isinstance(value, str)]
    texts = words.generate(vocabulary, 80, SEED + at) if vocabulary else []
    return [*known * 3, *seen, *texts, *UNKNOWN_WORDS]


def _numbers(values: Any, categories: list[Any] | None, random: Any) -> list[float]:
    known = [float(c) for c in categories or () if isinstance(c, (int, float)) and np.isfinite(c)]
    if not known:
        return [float(value) for value in values]
    picked = random.integers(len(known), size=len(values))
    return [
        known[int(i)] if random.random() < 0.9 else float(value)
        for i, value in zip(picked, values, strict=True)
    ]
