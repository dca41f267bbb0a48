"""The family `text`: a word or a few letters, set in the one typeface that comes with Pillow."""

import string

from PIL import Image, ImageDraw, ImageFont

from solutions.images.drawing import pieces
from solutions.images.drawing.pieces import Rng

_CONSONANTS, _VOWELS = "bcdfghjklmnprstvwxz", "aeiouy"


def paint(rng: Rng, size: int) -> Image.Image:
    """A square picture of `size` pixels."""
    behind = pieces.background(rng)
    picture, pen = pieces.canvas(size, behind)
    ink = pieces.contrasting(rng, behind)
    lines = [word(rng) for _ in range(1 if rng.random() < 0.65 else 2)]
    if rng.random() < 0.25:
        panel = pieces.contrasting(rng, behind)
        edge = size * rng.uniform(0.04, 0.12)
        pen.rounded_rectangle((edge, edge, size - edge, size - edge), radius=size * rng.uniform(0, 0.2), fill=panel)
        ink = pieces.contrasting(rng, panel)
    for at, text in enumerate(lines):
        middle = size * (0.5 if len(lines) == 1 else 0.38 + 0.26 * at)
        write(rng, picture, text, middle=middle, width=size * rng.uniform(0.5, 0.84), ink=ink)
    if rng.random() < 0.35:
        y, left = size * rng.uniform(0.72, 0.86), size * rng.uniform(0.1, 0.3)
        pen.line((left, y, size - left, y), fill=pieces.contrasting(rng, behind), width=int(size * 0.015))
    if rng.random() < 0.25:
        centre = (size * rng.uniform(0.2, 0.8), size * rng.uniform(0.12, 0.22))
        pen.polygon(pieces.shape(rng, centre=centre, radius=size * 0.08), fill=pieces.contrasting(rng, behind))
    return picture


def word(rng: Rng) -> str:
    """A made-up name, or initials."""
    if rng.random() < 0.25:
        letters = list(string.ascii_uppercase + string.digits)
        return "".join(rng.choice(letters, size=int(rng.integers(1, 4))))
    syllables = [
        str(rng.choice(list(_CONSONANTS))) + str(rng.choice(list(_VOWELS))) for _ in range(int(rng.integers(1, 4)))
    ]
    text = "".join(syllables) + (str(rng.choice(list(_CONSONANTS))) if rng.random() < 0.5 else "")
    chance = rng.random()
    return text.upper() if chance < 0.35 else text.capitalize() if chance < 0.8 else text


def write(rng: Rng, picture: Image.Image, text: str, *, middle: float, width: float, ink: pieces.Colour) -> None:
    """Set a text, centred, `width` wide but no higher than four tenths of the picture; maybe bold or slanted."""
    size = picture.width
    probe = ImageFont.load_default(100)
    bold = float(rng.choice([0.0, 0.0, 0.02, 0.045]))
    left, top, right, bottom = probe.getbbox(text, stroke_width=100 * bold)
    height = min(100 * width / max(right - left, 1), 100 * 0.4 * size / max(bottom - top, 1))
    font = ImageFont.load_default(height)
    sheet = Image.new("L", picture.size, 0)
    ImageDraw.Draw(sheet).text((size / 2, middle), text, fill=255, font=font, anchor="mm", stroke_width=height * bold)
    slant = float(rng.choice([0.0, 0.0, 0.2, -0.15]))
    if slant:
        moved = (1, slant, -slant * middle, 0, 1, 0)
        sheet = sheet.transform(sheet.size, Image.Transform.AFFINE, moved, Image.Resampling.BICUBIC)
    picture.paste(ink, mask=sheet)
