"""What the families share: colours, and shapes as polygons."""

import colorsys
import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

Rng = np.random.Generator
Colour = tuple[int, int, int]
Point = tuple[float, float]

WHITE: Colour = (255, 255, 255)


def colour(rng: Rng) -> Colour:
    """A colour as brands like it: rather strong, seldom grey."""
    if rng.random() < 0.15:
        level = int(rng.integers(0, 120))
        return (level, level, level)
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.45, 1.0), rng.uniform(0.35, 1.0))
    return (int(red * 255), int(green * 255), int(blue * 255))


def background(rng: Rng) -> Colour:
    """Mostly white; else a pale or a dark colour."""
    chance = rng.random()
    if chance < 0.65:
        return WHITE
    red, green, blue = colorsys.hsv_to_rgb(
        rng.random(), rng.uniform(0.02, 0.25) if chance < 0.85 else rng.uniform(0.3, 0.8),
        rng.uniform(0.88, 1.0) if chance < 0.85 else rng.uniform(0.08, 0.3),
    )  # fmt: skip
    return (int(red * 255), int(green * 255), int(blue * 255))


def contrasting(rng: Rng, behind: Colour) -> Colour:
    """A colour that stands out against `behind`."""
    for _ in range(20):
        found = colour(rng)
        if abs(_light(found) - _light(behind)) > 70:
            return found
    return WHITE if _light(behind) < 128 else (20, 20, 20)


def _light(of: Colour) -> float:
    return 0.299 * of[0] + 0.587 * of[1] + 0.114 * of[2]


def canvas(size: int, fill: Colour) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A new picture and what draws on it."""
    picture = Image.new("RGB", (size, size), fill)
    return picture, ImageDraw.Draw(picture)


def mask_of(size: int, points: list[Point]) -> Image.Image:
    """A polygon as a mask of one channel."""
    mask = Image.new("L", (size, size), 0)
    ImageDraw.Draw(mask).polygon(points, fill=255)
    return mask


def _circle(rng: Rng) -> list[Point]:
    return regular(72)


def _ellipse(rng: Rng) -> list[Point]:
    flat = rng.uniform(0.45, 0.85)
    return [(x, y * flat) for x, y in regular(72)]


def _polygon(rng: Rng) -> list[Point]:
    return regular(int(rng.integers(3, 9)))


def _star(rng: Rng) -> list[Point]:
    points, inner = int(rng.integers(4, 9)), rng.uniform(0.35, 0.65)
    return [(x * (inner if at % 2 else 1.0), y * (inner if at % 2 else 1.0)) for at, (x, y) in
            enumerate(regular(points * 2))]  # fmt: skip


def _bar(rng: Rng) -> list[Point]:
    thin = rng.uniform(0.12, 0.6)
    return [(-1, -thin), (1, -thin), (1, thin), (-1, thin)]


def _cross(rng: Rng) -> list[Point]:
    w = rng.uniform(0.2, 0.45)
    return [(-w, -1), (w, -1), (w, -w), (1, -w), (1, w), (w, w), (w, 1), (-w, 1), (-w, w), (-1, w), (-1, -w), (-w, -w)]


def _chevron(rng: Rng) -> list[Point]:
    deep = rng.uniform(0.25, 0.6)
    return [(-1, -1), (0, -1), (1, 0), (0, 1), (-1, 1), (-1 + 2 * deep, 0)]


def _half_disc(rng: Rng) -> list[Point]:
    return [(math.cos(turn), math.sin(turn)) for turn in np.linspace(0, math.pi, 40)]


def _drop(rng: Rng) -> list[Point]:
    round_part = [(math.cos(turn) * 0.7, 0.3 + math.sin(turn) * 0.7) for turn in np.linspace(-0.35, math.pi + 0.35, 40)]
    return [*round_part, (0.0, -1.0)]


def _rounded_square(rng: Rng) -> list[Point]:
    power = rng.uniform(3.0, 8.0)
    turns = np.linspace(0, 2 * math.pi, 96, endpoint=False)
    return [
        (math.copysign(abs(math.cos(t)) ** (2 / power), math.cos(t)),
         math.copysign(abs(math.sin(t)) ** (2 / power), math.sin(t)))
        for t in turns
    ]  # fmt: skip


SHAPES: tuple[Callable[[Rng], list[Point]], ...] = (
    _circle, _ellipse, _polygon, _star, _bar, _cross, _chevron, _half_disc, _drop, _rounded_square,
)  # fmt: skip


def shape(rng: Rng, *, centre: Point, radius: float, turn: float | None = None) -> list[Point]:
    """A random shape as points on the canvas. turn: radians; None draws one."""
    outline = SHAPES[int(rng.integers(len(SHAPES)))](rng)
    angle = rng.uniform(0, 2 * math.pi) if turn is None else turn
    return placed(outline, centre=centre, radius=radius, turn=angle)


def placed(outline: list[Point], *, centre: Point, radius: float, turn: float) -> list[Point]:
    """An outline within [-1, 1] turned, scaled and moved."""
    cos, sin = math.cos(turn) * radius, math.sin(turn) * radius
    return [(centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos) for x, y in outline]


def regular(corners: int) -> list[Point]:
    """A regular polygon on the unit circle."""
    return [
        (math.cos(2 * math.pi * at / corners - math.pi / 2), math.sin(2 * math.pi * at / corners - math.pi / 2))
        for at in range(corners)
    ]


def somewhere(rng: Rng, size: int, spread: float) -> Point:
    """A point near the middle; spread: the largest distance as a share of the size."""
    x, y = size / 2 + rng.uniform(-spread, spread, size=2) * size
    return float(x), float(y)
