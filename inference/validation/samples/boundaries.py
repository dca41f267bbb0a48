"""Rows beside the places where the label changes: a wrong decision rule cannot hide from them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from inference.signature import Signature

PAIRS = 60
STEPS = 9
SEED = 20_260_103

Predict = Callable[[list[Any]], list[Any]]


def generate(signature: Signature, rows: list[Any], labels: list[Any], predict: Predict) -> list[Any]:
    """Halves the way between rows with different labels, again and again, keeping every stop."""
    numeric = [at for at, column in enumerate(signature.inputs) if column.dtype == "float64"]
    if signature.handler != "tabular" or not numeric or signature.multi_output is not None:
        return []
    pairs = _pairs(rows, labels)
    if not pairs:
        return []
    left = np.array([[rows[a][at] for at in numeric] for a, _ in pairs], dtype=np.float64)
    right = np.array([[rows[b][at] for at in numeric] for _, b in pairs], dtype=np.float64)
    wanted = [labels[a] for a, _ in pairs]
    patterns = [rows[a] for a, _ in pairs]
    stops: list[Any] = []
    for _ in range(STEPS):
        middle = (left + right) / 2
        made = [_filled(p, numeric, cells) for p, cells in zip(patterns, middle, strict=True)]
        found = predict(made)
        stops += made
        same = np.array([a == b for a, b in zip(found, wanted, strict=True)])[:, None]
        left, right = np.where(same, middle, left), np.where(same, right, middle)
    return stops


def _pairs(rows: list[Any], labels: list[Any]) -> list[tuple[int, int]]:
    random = np.random.default_rng(SEED)
    by_label: dict[Any, list[int]] = {}
    for at, label in enumerate(labels):
        if None not in rows[at]:
            by_label.setdefault(label, []).append(at)
    known = list(by_label)
    if len(known) < 2:
        return []
    pairs = []
    for number in range(PAIRS):
        first = by_label[known[number % len(known)]]
        second = by_label[known[(number + 1 + number // len(known) % (len(known) - 1)) % len(known)]]
        if first is not second:
            pairs.append((int(random.choice(first)), int(random.choice(second))))
    return pairs


def _filled(pattern: list[Any], numeric: list[int], cells: Any) -> list[Any]:
    made = list(pattern)
    for at, value in zip(numeric, cells, strict=True):
        made[at] = float(value)
    return made
