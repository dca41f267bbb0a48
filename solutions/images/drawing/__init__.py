"""Logos drawn by rules: any number of them, each told by its family, its number and a seed alone."""

import numpy as np
from PIL import Image

from solutions.images import FAMILIES, SIZE
from solutions.images.drawing import elaborate, geometric, lettering, shaded

_PAINTERS = {
    "simple": geometric.paint,
    "gradient": shaded.paint,
    "text": lettering.paint,
    "complex": elaborate.paint,
}
# Drawn larger and made smaller, so that edges are smooth.
_OVERSIZE = 3


def draw(family: str, number: int, *, seed: int) -> Image.Image:
    """The logo: 224 × 224 RGB. The same family, number and seed always give the same logo."""
    rng = np.random.default_rng([seed, FAMILIES.index(family), number])
    picture = _PAINTERS[family](rng, SIZE * _OVERSIZE)
    return picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
