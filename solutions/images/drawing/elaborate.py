"""The family `complex`: many parts, rings of copies, gradients, lettering, grain."""

import math

import numpy as np
from PIL import Image, ImageDraw

from solutions.images.drawing import lettering, pieces, shaded
from solutions.images.drawing.pieces import Rng


def paint(rng: Rng, size: int) -> Image.Image:
    """A square picture of `size` pixels."""
    behind = pieces.background(rng)
    picture = shaded.fill(rng, size) if rng.random() < 0.2 else Image.new("RGB", (size, size), behind)
    pen = ImageDraw.Draw(picture)
    if rng.random() < 0.4:
        outline = pieces.shape(rng, centre=(size / 2, size / 2), radius=size * 0.45)
        picture.paste(shaded.fill(rng, size), mask=pieces.mask_of(size, outline))
    for _ in range(int(rng.integers(1, 4))):
        _ring(rng, pen, size)
    if rng.random() < 0.7:
        _scatter(rng, pen, size, int(rng.integers(8, 30)))
    if rng.random() < 0.6:
        _lines(rng, pen, size)
    if rng.random() < 0.4:
        ink = pieces.contrasting(rng, behind)
        middle, width = size * rng.uniform(0.3, 0.8), size * rng.uniform(0.3, 0.6)
        lettering.write(rng, picture, lettering.word(rng), middle=middle, width=width, ink=ink)
    return _grained(rng, picture) if rng.random() < 0.4 else picture


def _ring(rng: Rng, pen: ImageDraw.ImageDraw, size: int) -> None:
    """Copies of one shape around the middle."""
    outline = pieces.SHAPES[int(rng.integers(len(pieces.SHAPES)))](rng)
    copies, away = int(rng.integers(5, 16)), size * rng.uniform(0.15, 0.4)
    radius, inks = size * rng.uniform(0.03, 0.11), [pieces.colour(rng) for _ in range(int(rng.integers(1, 4)))]
    for at in range(copies):
        turn = 2 * math.pi * at / copies
        centre = (size / 2 + away * math.cos(turn), size / 2 + away * math.sin(turn))
        pen.polygon(pieces.placed(outline, centre=centre, radius=radius, turn=turn), fill=inks[at % len(inks)])


def _scatter(rng: Rng, pen: ImageDraw.ImageDraw, size: int, count: int) -> None:
    for _ in range(count):
        centre = pieces.somewhere(rng, size, 0.42)
        pen.polygon(pieces.shape(rng, centre=centre, radius=size * rng.uniform(0.01, 0.07)), fill=pieces.colour(rng))


def _lines(rng: Rng, pen: ImageDraw.ImageDraw, size: int) -> None:
    """A fan of thin lines, or rings around one point."""
    ink, centre = pieces.colour(rng), pieces.somewhere(rng, size, 0.2)
    count, width = int(rng.integers(5, 14)), max(1, int(size * rng.uniform(0.004, 0.014)))
    if rng.random() < 0.5:
        for at in range(count):
            turn = 2 * math.pi * at / count
            far = (centre[0] + size * math.cos(turn), centre[1] + size * math.sin(turn))
            pen.line((*centre, *far), fill=ink, width=width)
        return
    for at in range(1, count):
        radius = size * 0.5 * at / count
        box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
        pen.ellipse(box, outline=ink, width=width)


def _grained(rng: Rng, picture: Image.Image) -> Image.Image:
    """Noise as of paper or a scan, in patches of a few pixels, so that it outlasts being made smaller."""
    cells = picture.width // 3
    noise = rng.normal(0, rng.uniform(4, 16), size=(cells, cells))
    grain = Image.fromarray(noise.astype(np.float32)).resize(picture.size, Image.Resampling.BILINEAR)
    grained = np.asarray(picture, dtype=np.float32) + np.asarray(grain)[:, :, None]
    return Image.fromarray(grained.clip(0, 255).astype(np.uint8))
