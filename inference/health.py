"""Whether this process can answer predictions."""

from inference import process


def is_ready() -> bool:
    """True once every live model is loaded and warm in this process."""
    return process.is_ready()
