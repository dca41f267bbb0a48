"""Encoded pictures in place of nested lists, also from people who mean harm."""

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inference import handlers
from inference.errors import InputInvalid, PictureTooLarge
from inference.handlers import Payload, picture_limits
from inference.signature import Column, Feed, Signature

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def takes(shape: tuple[int, ...] = (3, 8, 8), dtype: str = "float32", feed: str = "") -> Signature:
    column = Column("image", dtype, shape)
    return Signature("tensor", "regression", (column,), (Feed("image", feed or dtype, (0,), (-1, *shape)),), "value")


def with_numbers() -> Signature:
    columns = (Column("image", "float32", (3, 8, 8)), Column("parameters", "float32", (2,)))
    feeds = (Feed("image", "float32", (0,), (-1, 3, 8, 8)), Feed("parameters", "float32", (1,), (-1, 2)))
    return Signature("tensor", "regression", columns, feeds, "value")


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> str:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return base64.b64encode(file.getvalue()).decode()


def plain(colour: Any = RED, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> Image.Image:
    return Image.new(mode, size, colour)


def tensor(text: Any, signature: Signature | None = None) -> Any:
    signature = signature or takes()
    return handlers.get("tensor").preprocess(Payload("instances", [text]), signature)["image"][0]


def refusal(text: Any, signature: Signature | None = None) -> InputInvalid:
    with pytest.raises(InputInvalid) as caught:
        tensor(text, signature)
    return caught.value


def refused_or_read(content: bytes) -> str:
    """The code of the refusal; empty when the picture was read, and then it has the model's shape."""
    try:
        found = tensor(base64.b64encode(content).decode())
    except InputInvalid as error:
        return error.code
    assert found.shape == (3, 8, 8)
    return ""


def png(*chunks: tuple[bytes, bytes]) -> str:
    """A PNG file of these chunks, whatever they say."""
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in chunks:
        content += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return base64.b64encode(content).decode()


def header(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_becomes_a_tensor_from_zero_to_one(kind: str) -> None:
    found = tensor(encoded(plain(), kind))

    assert found.shape == (3, 8, 8)
    assert found.dtype == np.float32
    assert np.allclose(found[0], 1, atol=0.02)
    assert np.allclose(found[1:], 0, atol=0.02)


def test_pixels_of_the_right_size_are_taken_as_they_are() -> None:
    pixels = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)

    found = tensor(encoded(Image.fromarray(pixels)))

    assert np.array_equal(found, pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(255))


def test_a_data_url_and_folded_lines_are_read() -> None:
    text = encoded(plain())
    folded = "\n".join(text[at : at + 76] for at in range(0, len(text), 76))

    assert np.array_equal(tensor(f"data:image/png;base64,{text}"), tensor(text))
    assert np.array_equal(tensor(folded), tensor(text))


def test_a_wide_picture_is_centred_on_white() -> None:
    found = tensor(encoded(plain(BLUE, (16, 4))))

    assert np.allclose(found[:, 0], 1)
    assert np.allclose(found[:, -1], 1)
    assert np.allclose(found[0, 3:5], 0)


def test_what_is_transparent_is_white() -> None:
    assert np.allclose(tensor(encoded(plain((255, 0, 0, 0), mode="RGBA"))), 1)


def test_sixteen_bits_are_brought_down_to_eight() -> None:
    grey = Image.fromarray(np.full((8, 8), 0x8080, dtype=np.uint16))

    assert np.allclose(tensor(encoded(grey)), 128 / 255)


@pytest.mark.parametrize(
    ("mode", "colour"), [("L", 128), ("1", 1), ("P", 3), ("LA", (128, 255)), ("CMYK", (0, 9, 0, 0))]
)
def test_other_colour_modes_are_read(mode: str, colour: Any) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"

    assert tensor(encoded(plain(colour, mode=mode), kind)).shape == (3, 8, 8)


def test_a_camera_held_sideways_is_turned_back() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = plain(RED, (8, 8))
    picture.paste(BLUE, (0, 0, 8, 4))  # blue above; turned by a quarter it is on the right

    found = tensor(encoded(picture, "PNG", exif=exif))

    assert found[2, :, -1].min() > 0.9
    assert found[0, :, 0].min() > 0.9


def test_models_may_take_channels_last_grey_or_bytes() -> None:
    text = encoded(plain(RED))

    assert tensor(text, takes((8, 8, 3))).shape == (8, 8, 3)
    assert tensor(text, takes((1, 8, 8))).shape == (1, 8, 8)
    found = tensor(text, takes((3, 8, 8), "int64", "uint8"))
    assert found.dtype == np.uint8
    assert found[0, 0, 0] == 255


def test_pictures_and_lists_stand_side_by_side() -> None:
    rows = [encoded(plain()), np.zeros((3, 8, 8)).tolist()]

    found = handlers.get("tensor").preprocess(Payload("instances", rows), takes())["image"]

    assert found.shape == (2, 3, 8, 8)
    assert found[0].max() == 1
    assert found[1].max() == 0


def test_other_inputs_stay_numbers() -> None:
    row = {"image": encoded(plain()), "parameters": [1.0, 2.0]}

    feeds = handlers.get("tensor").preprocess(Payload("instances", [row]), with_numbers())

    assert feeds["parameters"].tolist() == [[1.0, 2.0]]
    with pytest.raises(InputInvalid) as caught:
        handlers.get("tensor").preprocess(Payload("instances", [{**row, "parameters": "abc"}]), with_numbers())
    assert (caught.value.code, caught.value.path) == ("wrong_type", "instances[0].parameters")


def test_a_wrong_list_beside_a_picture_is_named() -> None:
    with pytest.raises(InputInvalid) as caught:
        handlers.get("tensor").preprocess(Payload("instances", [encoded(plain()), [1.0]]), takes())

    assert caught.value.path == "instances[1]"


@pytest.mark.parametrize("shape", [(4, 8, 8), (3, -1, 8), (8, 8), (3,)])
def test_where_no_picture_fits_a_text_is_a_wrong_type(shape: tuple[int, ...]) -> None:
    assert refusal(encoded(plain()), takes(shape)).code in ("wrong_type", "wrong_width")


# -- What strangers send ------------------------------------------------------------------------------

FRAMES = {"save_all": True, "append_images": [plain(BLUE)], "duration": 50}
CASES = {
    "no base64": ("%%%", "image_base64"),
    "not ascii": ("Ünïcode", "image_base64"),
    "empty": ("", "image_format"),
    "another data url": ("data:image/png,abc", "image_base64"),
    "a path": ("/etc/passwd", "image_base64"),
    "a text": (base64.b64encode(b"hello, this is no picture").decode(), "image_format"),
    "svg": (base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode(), "image_format"),
    "tiff": (encoded(plain(), "TIFF"), "image_format"),
    "bmp": (encoded(plain(), "BMP"), "image_format"),
    "icon": (encoded(plain(size=(16, 16)), "ICO"), "image_format"),
    "postscript": (encoded(plain(), "EPS"), "image_format"),
    "pdf": (base64.b64encode(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3").decode(), "image_format"),
    "gif that moves": (encoded(plain(), "GIF", **FRAMES), "image_animated"),
    "png that moves": (encoded(plain(), "PNG", **FRAMES), "image_animated"),
    "webp that moves": (encoded(plain(), "WEBP", **FRAMES), "image_animated"),
    "head without pixels": (png(header(8, 8)), "image_unreadable"),
    "no size": (png(header(0, 0), (b"IDAT", b""), (b"IEND", b"")), "image_unreadable"),
    "noise for pixels": (png(header(8, 8), (b"IDAT", b"\x00" * 30), (b"IEND", b"")), "image_unreadable"),
}


@pytest.mark.parametrize(("text", "code"), CASES.values(), ids=CASES.keys())
def test_what_is_no_still_picture_is_refused(text: str, code: str) -> None:
    error = refusal(text)

    assert (error.code, error.path, error.row) == (code, "instances[0]", 0)


def test_a_head_that_tells_of_a_giant_is_refused_before_its_pixels_are_read() -> None:
    zeros = zlib.compress(bytes(10_000_000))
    for side in (3000, 20_000, 60_000):
        error = refusal(png(header(side, side), (b"IDAT", zeros), (b"IEND", b"")))
        assert isinstance(error, PictureTooLarge)
        assert error.code == "image_too_large"


def test_a_webp_canvas_without_content_is_refused() -> None:
    size = (16_383 - 1).to_bytes(3, "little")
    body = b"VP8X" + struct.pack("<I", 10) + b"\x02\x00\x00\x00" + size + size
    content = b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body

    assert refusal(base64.b64encode(content).decode()).code in ("image_too_large", "image_unreadable", "image_format")


def test_a_text_chunk_that_swells_is_refused() -> None:
    bomb = b"comment\x00\x00" + zlib.compress(bytes(200_000_000), 9)

    error = refusal(png(header(8, 8), (b"zTXt", bomb), (b"IDAT", zlib.compress(bytes(200))), (b"IEND", b"")))

    assert error.code == "image_unreadable"


def test_too_many_bytes_are_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_limits, "max_bytes", 50)
    text = encoded(plain())

    assert isinstance(refusal(text), PictureTooLarge)
    assert isinstance(refusal(text + " " * 100_000), PictureTooLarge)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_cut_off_anywhere_is_refused_or_whole(kind: str) -> None:
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8))
    content = base64.b64decode(encoded(picture, kind))
    ends = range(0, len(content), max(1, len(content) // 40))
    codes = {refused_or_read(content[:end]) for end in ends}

    assert {"image_format", "image_unreadable"} <= codes <= {"image_format", "image_unreadable", ""}


@given(
    kind=st.sampled_from(["PNG", "JPEG", "WEBP", "GIF"]), at=st.integers(0, 400), junk=st.binary(min_size=1, max_size=6)
)
def test_a_damaged_picture_is_read_or_refused_and_nothing_else(kind: str, at: int, junk: bytes) -> None:
    content = bytearray(base64.b64decode(encoded(plain(BLUE, (12, 12)), kind)))
    place = at % len(content)
    content[place : place + len(junk)] = junk

    assert refused_or_read(bytes(content)) in (
        "",
        "image_format",
        "image_unreadable",
        "image_animated",
        "image_too_large",
    )


@given(text=st.text(max_size=60))
def test_any_text_is_a_picture_or_refused(text: str) -> None:
    assert refusal(text).code in ("image_base64", "image_format")
