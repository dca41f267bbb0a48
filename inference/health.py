"""Whether this process can answer predictions."""

from inference import process


def is_ready() -> bool:
    """True once every live model that is to be preloaded is loaded and warm in this process."""
    return process.is_ready()


def problems() -> dict[str, str]:
    """The live models that can't be loaded in this process, and why."""
    return process.failed()
