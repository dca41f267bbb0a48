"""The eight conversion parameters: what may be given, what is assumed, and their order in the model's input.

They are vtracer's own (https://github.com/visioncortex/vtracer), with its defaults. vtracer divides by zero on some
pictures with a `layer_difference` of 0, so 1 is the least here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of the conversion. Both bounds are allowed values."""

    name: str
    default: float
    lowest: float
    highest: float
    is_whole: bool
    meaning: str

    def cast(self, value: float) -> float:
        """The nearest allowed value."""
        bounded = min(max(float(value), self.lowest), self.highest)
        return round(bounded) if self.is_whole else bounded


PARAMETERS = (
    Parameter("color_precision", 6, 1, 8, True, "bits of each colour channel that are kept"),
    Parameter("layer_difference", 16, 1, 128, True, "how far apart the colours of two layers are"),
    Parameter("corner_threshold", 60, 0, 180, True, "degrees from which a bend is a corner"),
    Parameter("length_threshold", 4.0, 3.5, 10.0, False, "pixels: segments are cut until they are shorter"),
    Parameter("max_iterations", 10, 1, 50, True, "rounds of that cutting"),
    Parameter("splice_threshold", 45, 0, 180, True, "degrees of turn after which a curve is cut"),
    Parameter("filter_speckle", 4, 0, 32, True, "patches with sides below so many pixels are dropped"),
    Parameter("path_precision", 8, 0, 8, True, "decimal places in the paths"),
)
NAMES = tuple(parameter.name for parameter in PARAMETERS)


class ParameterInvalid(ValueError):
    """A conversion parameter that isn't known (`is_unknown`), is no number, or lies outside its bounds."""

    def __init__(self, message: str, *, name: str, is_unknown: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.name = name
        self.is_unknown = is_unknown


def complete(given: Mapping[str, Any]) -> dict[str, float]:
    """All eight by name; what isn't given has its default. Raises ParameterInvalid."""
    for name in given:
        if name not in NAMES:
            message = f"There is no parameter {str(name)[:60]!r}; there are {', '.join(NAMES)}."
            raise ParameterInvalid(message, name=str(name)[:60], is_unknown=True)
    return {one.name: _judged(one, given.get(one.name, one.default)) for one in PARAMETERS}


def vector(params: Mapping[str, float]) -> "np.ndarray[Any, Any]":
    """(8,) float32 in the order of the model's input."""
    return np.array([params[name] for name in NAMES], dtype=np.float32)


def _judged(one: Parameter, value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not one.lowest <= value <= one.highest or (one.is_whole and value != int(value)):
        kind = "a whole number" if one.is_whole else "a number"
        message = f"{one.name} takes {kind} from {one.lowest:g} to {one.highest:g}."
        raise ParameterInvalid(message, name=one.name)
    return int(value) if one.is_whole else float(value)
