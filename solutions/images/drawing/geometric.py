"""The family `simple`: one to four flat shapes."""

from PIL import Image

from solutions.images.drawing import pieces
from solutions.images.drawing.pieces import Rng


def paint(rng: Rng, size: int) -> Image.Image:
    """A square picture of `size` pixels."""
    behind = pieces.background(rng)
    picture, pen = pieces.canvas(size, behind)
    pen.polygon(pieces.shape(rng, centre=pieces.somewhere(rng, size, 0.06), radius=size * rng.uniform(0.25, 0.42)),
                fill=pieces.contrasting(rng, behind))  # fmt: skip
    for _ in range(int(rng.integers(0, 4))):
        fill = behind if rng.random() < 0.35 else pieces.colour(rng)
        centre = pieces.somewhere(rng, size, 0.2)
        pen.polygon(pieces.shape(rng, centre=centre, radius=size * rng.uniform(0.06, 0.22)), fill=fill)
    if rng.random() < 0.2:
        edge, width = size * rng.uniform(0.03, 0.08), int(size * rng.uniform(0.01, 0.04))
        pen.ellipse((edge, edge, size - edge, size - edge), outline=pieces.contrasting(rng, behind), width=width)
    return picture
