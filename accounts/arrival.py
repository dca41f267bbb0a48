"""When a request came. Only a server that lets requests wait for a thread knows it, and tells by the environ."""

from collections.abc import Mapping
from typing import Any

ARRIVED = "platform.arrived"
"""In an environ: a time of `time.perf_counter`. What clients send begins with HTTP_."""


def arrived_at(environ: Mapping[str, Any]) -> float | None:
    """When the request came; None where it has not waited since."""
    return environ.get(ARRIVED)
