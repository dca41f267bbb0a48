"""The family `gradient`: shapes filled with colours that run into each other."""

import math

import numpy as np
from PIL import Image

from solutions.images.drawing import pieces
from solutions.images.drawing.pieces import Rng


def paint(rng: Rng, size: int) -> Image.Image:
    """A square picture of `size` pixels."""
    picture = Image.new("RGB", (size, size), pieces.background(rng))
    if rng.random() < 0.25:
        picture = fill(rng, size)
    for at in range(int(rng.integers(1, 4))):
        spread, radius = (0.06, rng.uniform(0.28, 0.45)) if at == 0 else (0.22, rng.uniform(0.1, 0.25))
        outline = pieces.shape(rng, centre=pieces.somewhere(rng, size, spread), radius=size * radius)
        picture.paste(fill(rng, size), mask=pieces.mask_of(size, outline))
    return picture


def fill(rng: Rng, size: int) -> Image.Image:
    """Two or three colours along a line or around a point."""
    rows, columns = np.mgrid[0:size, 0:size] / size
    if rng.random() < 0.65:
        turn = rng.uniform(0, 2 * math.pi)
        along = (columns - 0.5) * math.cos(turn) + (rows - 0.5) * math.sin(turn) + 0.5
    else:
        x, y = rng.uniform(0.3, 0.7, size=2)
        along = np.hypot(columns - x, rows - y) * rng.uniform(1.2, 2.2)
    stops = np.array([pieces.colour(rng) for _ in range(int(rng.integers(2, 4)))], dtype=np.float64)
    places = np.linspace(0.1, 0.9, len(stops))
    channels = [np.interp(along, places, stops[:, channel]) for channel in range(3)]
    return Image.fromarray(np.stack(channels, axis=-1).round().astype(np.uint8))
