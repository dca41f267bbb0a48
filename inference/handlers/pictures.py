"""Encoded pictures in place of nested lists: a base64 text where a model takes a tensor that has a picture's shape.

A picture's shape is (channels, height, width) or (height, width, channels) with one or three channels and a fixed
size. The picture is fitted into the model's size, centred on white, and comes as RGB (or grey) from 0 to 1; as whole
numbers from 0 to 255 where the model takes those. Pictures come from strangers: the format is one of a few, and nothing
is decoded before its size is known.
"""

import base64
import binascii
import io
import re
import threading
from contextlib import nullcontext
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from inference.errors import InputInvalid, PictureTooLarge
from inference.handlers import picture_limits
from inference.handlers.picture_limits import CHANNELS
from inference.signature import FEED_DTYPES, Column, Feed

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_BEGINNINGS = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP", re.DOTALL)
_LARGE_PIXELS = 1024 * 1024
_WIDE_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
# Large ones one at a time, so that a process stays within its memory however many come at once.
_one_large = threading.Lock()


class Refused(Exception):
    """A text that is no picture we take. `code`: image_base64, image_format, image_unreadable, image_animated,
    image_too_large."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def at(self, path: str, *, row: int | None = None, column: str | None = None) -> InputInvalid:
        """The error with its place in the request."""
        kind = PictureTooLarge if self.code == "image_too_large" else InputInvalid
        return kind(self.code, f"{path}: {self.message}", path=path, row=row, column=column)


def to_tensor(text: str, column: Column, feed: Feed) -> "np.ndarray[Any, Any]":
    """The picture as one instance of the input, of `column.shape`. Raises Refused."""
    shape = column.shape
    is_channels_first = shape[0] in CHANNELS
    channels, height, width = shape if is_channels_first else (shape[2], shape[0], shape[1])
    picture = fitted(decode(from_base64(text)), (width, height), is_grey=channels == 1)
    pixels = np.asarray(picture).reshape(height, width, channels)
    if is_channels_first:
        pixels = pixels.transpose(2, 0, 1)
    kind = FEED_DTYPES[feed.dtype]
    tensor = np.ascontiguousarray(pixels, dtype=kind)
    return tensor / kind(255) if feed.dtype.startswith("float") else tensor


def from_base64(text: str) -> bytes:
    """The bytes of a base64 text or a data: URL. Raises Refused."""
    if text.startswith("data:"):
        kind, _, text = text.partition(",")
        if not kind.endswith(";base64"):
            raise Refused("image_base64", "a data: URL must be in base64")
    if len(text) > picture_limits.max_bytes * 1.4 + 1024:
        raise too_many_bytes()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("image_base64", "this is not base64") from error


def decode(content: bytes) -> Image.Image:
    """The picture, upright, with 8 bits per channel: mode L, RGB or RGBA. Raises Refused."""
    if len(content) > picture_limits.max_bytes:
        raise too_many_bytes()
    picture = _opened(content)
    width, height = picture.size
    if width * height > picture_limits.max_pixels:
        raise _too_many_pixels()
    with _one_large if width * height > _LARGE_PIXELS else nullcontext():
        try:
            is_animated = getattr(picture, "is_animated", False)
            picture.seek(0)
            picture.load()
            whole = _plain(_upright(picture))
        except MemoryError:
            raise
        except Exception as error:  # the readers raise whatever they meet in a damaged file
            raise Refused("image_unreadable", "the picture is damaged or cut off") from error
    if is_animated:
        raise Refused("image_animated", "the picture moves: send a single frame")
    return whole


def fitted(picture: Image.Image, size: tuple[int, int], *, is_grey: bool = False) -> Image.Image:
    """The whole picture in a frame of `size` (width, height) pixels: as large as fits, centred, on white."""
    if picture.size != size:
        share = min(size[0] / picture.width, size[1] / picture.height)
        inner = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
        picture = picture.resize(inner, Image.Resampling.BILINEAR, reducing_gap=3.0)
    if picture.mode != "RGBA" and picture.size == size:
        return picture.convert("L" if is_grey else "RGB")
    frame = Image.new("RGB", size, (255, 255, 255))
    place = ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2)
    frame.paste(picture.convert("RGB"), place, picture.getchannel("A") if picture.mode == "RGBA" else None)
    return frame.convert("L") if is_grey else frame


def _opened(content: bytes) -> Image.Image:
    """The file with its size known and its pixels unread."""
    if not _BEGINNINGS.match(content):
        raise Refused("image_format", "this is not a PNG, JPEG, WebP or GIF picture")
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except MemoryError:
        raise
    except Exception as error:
        raise Refused("image_unreadable", "the picture is damaged or cut off") from error


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as its camera says; a note that can't be read turns nothing."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:
        return picture


def _plain(picture: Image.Image) -> Image.Image:
    if picture.mode in _WIDE_MODES:
        return Image.fromarray((np.asarray(picture).astype(np.float32) / 257).clip(0, 255).astype(np.uint8))
    if "A" in picture.mode or "a" in picture.mode or "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")


def too_many_bytes() -> Refused:
    """The refusal of a file that is not even opened."""
    return Refused("image_too_large", f"the picture has more than {picture_limits.max_bytes:,} bytes")


def _too_many_pixels() -> Refused:
    return Refused("image_too_large", f"the picture has more than {picture_limits.max_pixels:,} pixels")
