"""Geometry of the dashboard's charts: numbers in, places out. Knows neither Django nor requests.

Places are percentages of the plot's width and height (0 0 is the top left), so a chart fits any screen;
templates turn them into SVG shapes and put the axis labels, as text of constant size, beside them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

TICKS = 4
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis, in percent."""

    place: float
    label: str


@dataclass(frozen=True, slots=True)
class Bars:
    """All pieces of one series in a bar chart, as one path of rectangles."""

    series: str
    path: str


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart: a path, broken where there is no value, and dots for lonely values."""

    series: str
    path: str
    dots: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Scale:
    """A value axis from 0 to `top`."""

    top: float
    ticks: list[Tick]

    def height(self, value: float) -> float:
        """The height of `value` in percent of the plot."""
        return 100.0 * value / self.top


def value_scale(largest: float) -> Scale:
    """An axis from 0 to a round number not below `largest`, with round labels."""
    if largest < _NOTHING:
        largest = 1.0
    step = _round_step(largest / TICKS)
    count = math.ceil(largest / step - 1e-9)
    top = step * count
    return Scale(top, [Tick(100.0 - 100.0 * n / count, short(step * n)) for n in range(count + 1)])


def count_scale(largest: int) -> Scale:
    """As `value_scale`, for counts: no step below one."""
    if largest >= TICKS:
        return value_scale(largest)
    top = max(1, largest)
    return Scale(top, [Tick(100.0 - 100.0 * n / top, str(n)) for n in range(top + 1)])


def stacked_bars(series: Sequence[str], values: Sequence[Sequence[int]], scale: Scale) -> list[Bars]:
    """Bars, one for each of `values`, stacked from the bottom in the order of `series`.

    Empty pieces and series are left out.
    """
    if not values:
        return []
    slot = 100.0 / len(values)
    gap = slot * 0.15
    pieces: dict[str, list[str]] = {name: [] for name in series}
    for index, column in enumerate(values):
        bottom = 100.0
        for name, value in zip(series, column, strict=True):
            if value > 0:
                height = scale.height(value)
                bottom -= height
                pieces[name].append(_rectangle(index * slot + gap / 2, bottom, slot - gap, height))
    return [Bars(name, "".join(paths)) for name, paths in pieces.items() if paths]


def _rectangle(x: float, y: float, width: float, height: float) -> str:
    return f"M{_r(x)} {_r(y)}h{_r(width)}v{_r(height)}h-{_r(width)}z"


def curve(series: str, values: Sequence[float | None], scale: Scale) -> Curve:
    """A line through the middles of the steps. Steps without a value break it."""
    pieces: list[list[tuple[float, float]]] = [[]]
    slot = 100.0 / len(values) if values else 100.0
    for index, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((_r((index + 0.5) * slot), _r(100.0 - scale.height(value))))
    path = " ".join("M" + " L".join(f"{x} {y}" for x, y in piece) for piece in pieces if len(piece) > 1)
    return Curve(series, path, [piece[0] for piece in pieces if len(piece) == 1])


def slots(count: int) -> list[tuple[float, float]]:
    """Left edge and width of each of `count` equal steps, for pointing at."""
    return [(_r(100.0 * index / count), _r(100.0 / count)) for index in range(count)]


def sparkline(values: Sequence[float]) -> str:
    """A path over the whole width; flat at the bottom when there is nothing to see."""
    if not values:
        return ""
    largest = max(values) or 1
    width = 100.0 / max(1, len(values) - 1)
    points = [f"{_r(index * width)} {_r(95.0 - 90.0 * value / largest)}" for index, value in enumerate(values)]
    return f"M{points[0]} L{points[0] if len(points) == 1 else ' L'.join(points[1:])}"


def place(value: float, first: float, last: float) -> float | None:
    """Where `value` lies between `first` and `last`, in percent; None outside."""
    if last <= first or not first <= value <= last:
        return None
    return _r(100.0 * (value - first) / (last - first))


def short(value: float) -> str:
    """A number for a label: at most three digits or so and a unit prefix."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    for factor in (1.0, 2.0, 2.5, 5.0):
        if least <= factor * power * (1 + 1e-9):
            return factor * power
    return 10.0 * power


def _r(number: float) -> float:
    return round(number, 3)
