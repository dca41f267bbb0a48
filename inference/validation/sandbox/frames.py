"""The wire between the platform and the sandbox: a length, a JSON header, raw bytes. Never pickle.

Frame: b"MLP1", 8 bytes big-endian header length, the header (UTF-8 JSON object whose "blobs" lists
the sizes of the byte strings that follow), the byte strings.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MAGIC = b"MLP1"
PREFIX_BYTES = 12


class FrameInvalid(ValueError):
    """The other side wrote something that is no frame."""


class FrameTooLarge(ValueError):
    """A frame would exceed the size the reader accepts."""


@dataclass(frozen=True, slots=True)
class Frame:
    header: dict[str, Any]
    blobs: tuple[bytes, ...] = ()


def encode(header: dict[str, Any], blobs: Sequence[bytes] = ()) -> bytes:
    """One frame. NaN and infinity are refused: both sides speak strict JSON."""
    sized = {**header, "blobs": [len(blob) for blob in blobs]}
    text = json.dumps(sized, allow_nan=False, separators=(",", ":")).encode()
    return b"".join([MAGIC, len(text).to_bytes(8, "big"), text, *blobs])


class Reader:
    """Collects bytes as they arrive and gives out whole frames; believes no size beyond `limit`."""

    def __init__(self, limit: int) -> None:
        self._buffer = bytearray()
        self._limit = limit

    def feed(self, data: bytes) -> list[Frame]:
        """Raises FrameInvalid or FrameTooLarge."""
        self._buffer += data
        frames = []
        while (frame := self._take()) is not None:
            frames.append(frame)
        if len(self._buffer) > self._limit:
            raise FrameTooLarge
        return frames

    def _take(self) -> Frame | None:
        buffer = self._buffer
        if len(buffer) < PREFIX_BYTES:
            return None
        if buffer[:4] != MAGIC:
            raise FrameInvalid("no frame begins here")
        length = int.from_bytes(buffer[4:PREFIX_BYTES], "big")
        if length > self._limit:
            raise FrameTooLarge
        body = PREFIX_BYTES + length
        if len(buffer) < body:
            return None
        header = _parse(bytes(buffer[PREFIX_BYTES:body]))
        sizes = header.pop("blobs", [])
        if not isinstance(sizes, list) or any(type(size) is not int or size < 0 for size in sizes):
            raise FrameInvalid("the blob sizes are malformed")
        end = body + sum(sizes)
        if end > self._limit:
            raise FrameTooLarge
        if len(buffer) < end:
            return None
        blobs = []
        for size in sizes:
            blobs.append(bytes(buffer[body : body + size]))
            body += size
        del buffer[:end]
        return Frame(header, tuple(blobs))


def decode(data: bytes) -> Frame:
    """The single frame in `data`. Raises FrameInvalid."""
    frames = Reader(max(len(data), PREFIX_BYTES)).feed(data)
    if len(frames) != 1:
        raise FrameInvalid("expected one frame")
    return frames[0]


def _parse(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FrameInvalid("the header is no JSON") from error
    if not isinstance(header, dict):
        raise FrameInvalid("the header is no object")
    return header


def _refuse_constant(name: str) -> Any:
    raise FrameInvalid(f"{name} is no JSON")
