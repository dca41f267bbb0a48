"""Makes screenshots small: 256 frequent colours stay, every other pixel takes the nearest of them."""

import base64
import struct
import zlib
from typing import Any

from playwright.sync_api import Page

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = 256
# Runs in a blank page: the browser can decode what it has drawn.
_TO_PALETTE = """
async ([encoded, limit]) => {
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) { counts.set(pixel, (counts.get(pixel) || 0) + 1); }
  const channel = (colour, shift) => (colour >>> shift) & 255;
  const square = (a, b, shift) => (channel(a, shift) - channel(b, shift)) ** 2;
  const distance = (a, b) => square(a, b, 0) + square(a, b, 8) + square(a, b, 16);
  const frequent = [...counts].sort((a, b) => b[1] - a[1]).map((entry) => entry[0]);
  // Half of the palette is for colours unlike each other, so that a thin line keeps its own.
  const distinct = [];
  for (const colour of frequent) {
    if (distinct.length === limit / 2) { break; }
    if (distinct.every((other) => distance(colour, other) > 1200)) { distinct.push(colour); }
  }
  const palette = [...new Set([...distinct, ...frequent])].slice(0, limit);
  const indexes = new Map(palette.map((colour, index) => [colour, index]));
  const nearest = (colour) => palette.reduce((best, other, index) => {
    const far = distance(colour, other);
    return far < best[0] ? [far, index] : best;
  }, [Infinity, 0])[1];
  let text = "";
  for (let row = 0; row < bitmap.height; row += 1) {
    for (const pixel of pixels.subarray(row * bitmap.width, (row + 1) * bitmap.width)) {
      if (!indexes.has(pixel)) { indexes.set(pixel, nearest(pixel)); }
      text += String.fromCharCode(indexes.get(pixel));
    }
  }
  return { width: bitmap.width, height: bitmap.height, palette, indexes: btoa(text) };
}
"""


def shrink(page: Page, png: bytes) -> bytes:
    """The picture as a PNG with a palette. `page` lends its browser for the decoding."""
    found = page.evaluate(_TO_PALETTE, [base64.b64encode(png).decode(), _COLOURS])
    return _write(found["width"], found["height"], found["palette"], base64.b64decode(found["indexes"]))


def _write(width: int, height: int, palette: list[Any], indexes: bytes) -> bytes:
    """A PNG of 8-bit indexes. Colours are integers whose lowest byte is red."""
    colours = b"".join(struct.pack("<I", int(colour))[:3] for colour in palette)
    rows = b"".join(b"\0" + indexes[row * width : (row + 1) * width] for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", colours), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
