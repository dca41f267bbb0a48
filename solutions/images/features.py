"""What can be counted in a picture without a network: the inputs of the correlation models. Numpy and SciPy only."""

import zlib
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

NAMES = (
    "edge_density",
    "unique_colors",
    "entropy",
    "corner_density",
    "gradient_strength",
    "flat_share",
    "complexity",
)
_EDGE = 24.0  # grey levels per pixel
_CORNER = 200.0  # squared grey levels: the smaller eigenvalue of the structure tensor
_BITS = 4  # of each channel, when colours are counted


def of(pixels: "np.ndarray[Any, Any]") -> dict[str, float]:
    """The seven numbers of a picture, (height, width, 3) bytes.

    edge_density, corner_density: shares of pixels. unique_colors: log2 of their number, with 4 bits a channel.
    entropy: bits, of the grey levels. gradient_strength: mean, in grey levels per pixel. flat_share: of the most
    common colour. complexity: bytes per pixel after deflate. Corners: Shi and Tomasi, Good features to track (1994).
    """
    grey = np.asarray(Image.fromarray(pixels).convert("L"), dtype=np.float64)
    down, right = ndimage.sobel(grey, axis=0) / 8, ndimage.sobel(grey, axis=1) / 8
    slope = np.hypot(down, right)
    xx, yy, xy = (ndimage.uniform_filter(part, 5) for part in (right * right, down * down, right * down))
    smaller = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    kept = (pixels >> (8 - _BITS)).astype(np.int64)
    counts = np.bincount((kept[..., 0] << 2 * _BITS | kept[..., 1] << _BITS | kept[..., 2]).ravel())
    levels = np.bincount(grey.astype(np.int64).ravel(), minlength=256) / grey.size
    seen = levels[levels > 0]
    values = (
        (slope > _EDGE).mean(),
        np.log2((counts > 0).sum()),
        -(seen * np.log2(seen)).sum(),
        (smaller > _CORNER).mean(),
        slope.mean(),
        counts.max() / grey.size,
        len(zlib.compress(pixels.tobytes(), 6)) / grey.size,
    )
    return {name: float(value) for name, value in zip(NAMES, values, strict=True)}
