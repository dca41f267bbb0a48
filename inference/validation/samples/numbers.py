"""Rows of numbers: ordinary, on the edges where answers jump, rounded as people send them, extreme."""

from typing import Any

import numpy as np

from inference.validation.samples.learned import Learned

CELL_BUDGET = 120_000
DECIMALS = (0, 1, 2, 3, 4)


def generate(learned: Learned, count: int, seed: int) -> "np.ndarray[Any, Any]":
    """About `count` rows, deterministic for a seed; no NaN, no infinity."""
    random = np.random.default_rng(seed)
    width = learned.width
    count = max(24, min(count, CELL_BUDGET // max(width, 1)))
    share = count // 8
    location, scale = _spread(learned)
    parts = [
        location + scale * random.normal(size=(2 * share, width)),
        _rounded(location + 1.5 * scale * random.normal(size=(share, width)), random),
        _near_cuts(learned, 2 * share, location, scale, random),
        _near_points(learned, share, location, scale, random),
        _mixed_scales(share, width, location, scale, random),
        _edges(width, location, scale),
    ]
    rows = np.concatenate([part for part in parts if len(part)])
    rows = np.concatenate([rows, rows[:3]])
    return np.where(np.isfinite(rows), rows, 0.0)


def with_gaps(rows: list[list[Any]], numeric: list[int], seed: int) -> list[list[Any]]:
    """Copies of some rows in which cells of the numeric columns are missing: one, a third, all."""
    random = np.random.default_rng(seed)
    chosen: list[list[Any]] = []
    for number, row in enumerate(rows[:: max(len(rows) // 24, 1)]):
        gaps = random.random(len(numeric)) < (1.0 if number == 0 else 0.34 * (number % 2))
        gaps[random.integers(len(numeric))] = True
        missing = {at for at, gap in zip(numeric, gaps, strict=True) if gap}
        chosen.append([None if at in missing else cell for at, cell in enumerate(row)])
    return chosen


def _spread(learned: Learned) -> tuple[Any, Any]:
    """Where each column lives and how far it reaches."""
    location = np.zeros(learned.width)
    scale = np.ones(learned.width)
    if learned.rows:
        rows = np.array(learned.rows)
        location = np.median(rows, axis=0)
        scale = np.maximum(rows.std(axis=0), 1e-9)
        scale = np.where(scale <= 1e-9, np.maximum(np.abs(location), 1.0), scale)
    for column, values in [*learned.levels.items(), *learned.cuts.items()]:
        if values:
            location[column] = float(np.median(values))
            spread = float(np.std(values))
            scale[column] = spread if spread > 0 else max(abs(location[column]), 1.0)
    return location, scale


def _near_cuts(learned: Learned, count: int, location: Any, scale: Any, random: Any) -> Any:
    """Every cell on, beside or rounded from a value at which the model decides."""
    rows = location + scale * random.normal(size=(count, learned.width))
    if not learned.cuts:
        return rows
    for column, values in learned.cuts.items():
        if not values:
            continue
        picked = random.choice(np.array(values), size=count)
        rows[:, column] = _variants(picked, random)
    return rows


def _variants(values: Any, random: Any) -> Any:
    """The value itself, its neighbours, its single-precision form, and what a person would type."""
    single = values.astype(np.float32).astype(np.float64)
    forms = [
        values,
        np.nextafter(values, np.inf),
        np.nextafter(values, -np.inf),
        single,
        values * (1 + 1e-9),
        *[np.round(values, decimals) for decimals in DECIMALS],
        np.round(values, 2) + 0.005,
    ]
    return np.choose(random.integers(len(forms), size=values.shape), forms)


def _near_points(learned: Learned, count: int, location: Any, scale: Any, random: Any) -> Any:
    """Points the model remembers, exactly, slightly moved, and between two."""
    if not learned.rows:
        return location + 10 * scale * random.normal(size=(count, learned.width))
    points = np.array(learned.rows)
    picked = points[random.integers(len(points), size=count)]
    others = points[random.integers(len(points), size=count)]
    moved = picked + 0.05 * scale * random.normal(size=picked.shape)
    form = random.integers(3, size=count)[:, None]
    share = random.uniform(0.2, 0.8, size=(count, 1))  # not half: equal distances have no right answer
    between = share * picked + (1 - share) * others
    return np.where(form == 0, picked, np.where(form == 1, moved, between))


def _rounded(rows: Any, random: Any) -> Any:
    decimals = random.integers(4, size=rows.shape)
    return np.choose(decimals, [np.round(rows, places) for places in range(4)])


def _mixed_scales(count: int, width: int, location: Any, scale: Any, random: Any) -> Any:
    reach = random.choice([0.001, 0.1, 3.0, 10.0, 100.0], size=(count, 1))
    rows = location + scale * reach * random.normal(size=(count, width))
    sparse = random.random(size=rows.shape) < 0.3
    return np.where(sparse & (random.random(size=(count, 1)) < 0.5), 0.0, rows)


def _edges(width: int, location: Any, scale: Any) -> Any:
    ones = np.ones(width)
    return np.stack(
        [
            0 * ones,
            ones,
            -ones,
            -0.0 * ones,
            location,
            np.round(location),
            location + 6 * scale,
            location - 6 * scale,
            1000 * ones,
            -1000 * ones,
            location + 1e4 * scale,
            location - 1e4 * scale,
            np.arange(width, dtype=np.float64),
        ]
    )
