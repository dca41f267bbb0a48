"""The values a fitted model knows in its columns of categories."""

import math
from typing import Any

from inference.signature import Signature
from inference.validation.samples import learned as learning

MAX_KNOWN = 50_000


def known(model: Any, signature: Signature) -> dict[int, list[Any]]:
    """Per column, the categories of its encoder in plain values; other columns are left out."""
    if signature.handler != "tabular":
        return {}
    found = {}
    for at, values in learning.learn(model, signature.width, signature.names).categories.items():
        plain = [value for value in values if _is_plain(value)]
        if 0 < len(plain) <= MAX_KNOWN and signature.inputs[at].dtype in ("string", "float64"):
            found[at] = plain
    return found


def strange_to(values: list[Any]) -> Any:
    """A value of the same kind that is not among them."""
    if isinstance(values[0], str):
        return max(values, key=len) + "\u2063"
    return float(max(values)) + 12345.5


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    )
