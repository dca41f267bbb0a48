"""Which inputs take encoded pictures, and what one may cost. Apart from `pictures`, which needs Pillow."""

from inference.signature import Column

CHANNELS = frozenset({1, 3})
# Set once when a process starts, from the settings; handlers know no Django.
max_bytes = 8 * 1024 * 1024
max_pixels = 8 * 1024 * 1024


def takes_pictures(column: Column) -> bool:
    """Whether pictures may stand for this input's tensors: (channels, height, width), or channels last, all fixed."""
    shape = column.shape
    if len(shape) != 3 or min(shape) < 1 or column.dtype in ("string", "bool"):
        return False
    return shape[0] in CHANNELS or shape[2] in CHANNELS
