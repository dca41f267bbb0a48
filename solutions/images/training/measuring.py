"""The data set: logos, conversions of each with varied parameters, and what every conversion kept of the logo."""

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np

from solutions.images import FAMILIES, drawing, parameters
from solutions.images.training import vectorising

CONVERSIONS = 8
"""Of each logo: one with vtracer's defaults, three near them, four anywhere."""
_NEAR = 3
# So that the parameters do not follow from what the logo was drawn with.
_PARAMETERS_DRAW = 7

Array = np.ndarray[Any, Any]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """All logos (n) with their conversions (c).

    family: (n,) places in `FAMILIES`. number: (n,). pixels: (n, 224, 224, 3) bytes. params: (n, c, 8) as given
    to vtracer. ssim: (n, c). svg_bytes: (n, c).
    """

    family: Array
    number: Array
    pixels: Array
    params: Array
    ssim: Array
    svg_bytes: Array

    def where(self, wanted: Array) -> "Measured":
        """The logos that `wanted`, (n,) of truths or places, names."""
        return Measured(*(getattr(self, one.name)[wanted] for one in fields(self)))

    def to_bytes(self) -> bytes:
        file = io.BytesIO()
        np.savez_compressed(file, **{one.name: getattr(self, one.name) for one in fields(self)})
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Measured":
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return cls(*(file[one.name] for one in fields(cls)))


def measure_all(numbers: Sequence[int], *, seed: int, workers: int, progress: Progress) -> Measured:
    """Every family's logos with these numbers, in a fixed order whatever the number of workers."""
    wanted = [(family, number) for number in numbers for family in range(len(FAMILIES))]
    rows: list[tuple[Any, ...]] = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            for row in pool.map(partial(_row, seed), *zip(*wanted, strict=True), chunksize=4):
                rows.append(row)
                progress(len(rows), len(wanted))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Measured(*(np.stack(column) for column in zip(*rows, strict=True)))


def _row(seed: int, family: int, number: int) -> tuple[Any, ...]:
    """Draw a logo, convert it, draw the conversions, compare: the fields of `Measured` for one logo."""
    picture = drawing.draw(FAMILIES[family], number, seed=seed)
    settings = list(_settings(seed, family, number))
    svgs = [vectorising.convert(picture, one) for one in settings]
    return (
        family,
        number,
        np.asarray(picture),
        np.stack([parameters.vector(one) for one in settings]),
        np.array([vectorising.similarity(picture, svg) for svg in svgs], dtype=np.float32),
        np.array([len(svg.encode()) for svg in svgs], dtype=np.float32),
    )


def _settings(seed: int, family: int, number: int) -> Iterator[dict[str, float]]:
    rng = np.random.default_rng([seed, family, number, _PARAMETERS_DRAW])
    yield parameters.complete({})
    for at in range(1, CONVERSIONS):
        yield {one.name: _value(one, rng, is_near=at <= _NEAR) for one in parameters.PARAMETERS}


def _value(one: parameters.Parameter, rng: np.random.Generator, *, is_near: bool) -> float:
    if is_near:
        return one.cast(rng.normal(one.default, (one.highest - one.lowest) / 8))
    return one.cast(rng.uniform(one.lowest, one.highest))
