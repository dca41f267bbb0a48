"""From pixels to paths and back, and how much of the picture is left. Needs the extra `images-train`."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

MISSING = "Vectorising needs vtracer, resvg and scikit-image: install the `images-train` extra."


class ToolsMissing(Exception):
    """The extra `images-train` is not installed."""


class ConversionFailed(Exception):
    """vtracer gave up on this picture with these parameters."""


def convert(picture: Image.Image, params: Mapping[str, float]) -> str:
    """The picture as SVG, by vtracer with the eight parameters; colours, stacked layers, splines.

    Raises ToolsMissing, ConversionFailed.
    """
    try:
        import vtracer
    except ImportError as error:
        raise ToolsMissing(MISSING) from error
    file = io.BytesIO()
    picture.save(file, "PNG")
    try:
        svg: str = vtracer.convert_raw_image_to_svg(file.getvalue(), img_format="png", **params)
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # pyo3's, which is no Exception and has no name to import
            raise
        raise ConversionFailed(str(error)) from error
    return svg


def render(svg: str, size: tuple[int, int]) -> "np.ndarray[Any, Any]":
    """The SVG drawn on white by resvg: (height, width, 3) bytes. size: width and height in pixels."""
    try:
        import resvg_py
    except ImportError as error:
        raise ToolsMissing(MISSING) from error
    png = resvg_py.svg_to_bytes(
        svg_string=svg, width=size[0], height=size[1], background="#ffffff", skip_system_fonts=True
    )
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def similarity(picture: Image.Image, svg: str) -> float:
    """SSIM of the picture and the drawn SVG over the three colour channels, windows of 7 × 7 pixels.

    Wang, Bovik, Sheikh, Simoncelli: Image quality assessment (2004), as scikit-image computes it. Values below 0
    (structure turned over) count as 0.
    """
    try:
        from skimage.metrics import structural_similarity
    except ImportError as error:
        raise ToolsMissing(MISSING) from error
    drawn = render(svg, picture.size)
    found = structural_similarity(np.asarray(picture), drawn, channel_axis=2, data_range=255)
    return max(0.0, float(found))
