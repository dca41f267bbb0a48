"""Inputs for a graph that says nothing about itself but its shapes."""

from typing import Any

import numpy as np

from inference.signature import Signature
from inference.validation.samples import words

SEED = 20_260_102
ROWS = 16
TENSOR_CELLS = 4_000_000
FREE_SIZE = 8
DECIMALS = 3  # of a tensor's cells, which are stored as text


REACH = (1.0, 1.0, 10.0, 100.0)


def generate(signature: Signature, *, count: int = ROWS, reach: tuple[float, ...] = REACH) -> list[Any]:
    """Rows in the form of `instances`: `count` of them, fewer where a row is large. reach: sizes that numbers have."""
    random = np.random.default_rng(SEED)
    if signature.handler == "text":
        return list(words.generate([], 40, SEED))
    if signature.handler == "tabular":
        columns = [_cells(column.dtype, count, random, reach) for column in signature.inputs]
        return [list(row) for row in zip(*columns, strict=True)]
    count = max(2, min(count, TENSOR_CELLS // max(_cells_per_row(signature), 1)))
    rows = []
    for _ in range(count):
        row = {c.name: _tensor(c.dtype, c.shape, random, reach) for c in signature.inputs}
        rows.append(row if signature.width > 1 else next(iter(row.values())))
    return rows


def _cells_per_row(signature: Signature) -> int:
    return sum(int(np.prod(_sizes(column.shape))) for column in signature.inputs)


def _sizes(shape: tuple[int, ...]) -> list[int]:
    return [size if size > 0 else FREE_SIZE for size in shape]


def _cells(dtype: str, count: int, random: Any, reach: tuple[float, ...]) -> list[Any]:
    if dtype == "string":
        texts = words.generate([], count, SEED)
        return [texts[int(at)] for at in random.integers(len(texts), size=count)]
    if dtype == "bool":
        return [bool(value) for value in random.random(count) < 0.5]
    if dtype == "int64":
        return [int(value) for value in random.integers(0, 2, size=count)]
    values = random.normal(size=count) * random.choice(reach, size=count)
    values[0] = 0.0
    return [float(np.float32(value)) for value in values]


def _tensor(dtype: str, shape: tuple[int, ...], random: Any, reach: tuple[float, ...]) -> Any:
    sizes = _sizes(shape)
    flat = _cells(dtype, max(int(np.prod(sizes)), 1), random, reach)
    if dtype.startswith("float"):
        flat = [round(value, DECIMALS) for value in flat]
    return np.array(flat, dtype=object).reshape(sizes).tolist() if sizes else flat[0]
