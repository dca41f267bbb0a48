"""What an explanation says. Plain values; no Django."""

import math
from dataclasses import dataclass
from typing import Any

REASONS = {
    "not_covered": "The model's answer can't be taken apart into what each input adds.",
    "not_prepared": "This version was validated before explanations were prepared. Validate it again to get them.",
    "too_large": "The model is too large to be taken apart for each request.",
    "no_sample": "The model is explained by comparison with known rows only: upload a version with a sample.",
    "fallback": "The answer is the model's fallback; the model gave none.",
    "out_of_time": "The model's deadline left no time to explain the answer.",
    "failed": "The explanation could not be worked out; the log tells why.",
}
"""Code -> what it means, for every reason why an answer comes without an explanation."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """How much one input moved the margin: a column with its cell, or a term of a text with its weight in the text."""

    name: str
    value: Any
    contribution: float


@dataclass(frozen=True, slots=True)
class RowExplanation:
    """base + the sum of all contributions + rest = margin.

    of: the class that the margin speaks for; None for a number. contributions: the largest, largest first; `rest` is
    the sum of those that are not listed.
    """

    of: Any
    base: float
    margin: float
    contributions: tuple[Contribution, ...]
    rest: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "of": self.of,
            "base": self.base,
            "margin": self.margin,
            "contributions": [
                {"name": one.name, "value": one.value, "contribution": one.contribution} for one in self.contributions
            ],
            "rest": self.rest,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """method: linear, tree_shap, linear_text or sampled. unit: what the margin is. baseline: what `base` answers for.

    is_exact: whether the contributions follow from the model's form, not from trying.
    """

    method: str
    unit: str
    baseline: str
    is_exact: bool
    rows: tuple[RowExplanation, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "unit": self.unit,
            "baseline": self.baseline,
            "is_exact": self.is_exact,
            "rows": [row.to_dict() for row in self.rows],
        }

    def as_body(self) -> dict[str, Any]:
        """The fields of an answer."""
        return {"explanation": self.to_dict(), "no_explanation": None}


@dataclass(frozen=True, slots=True)
class NotExplained:
    """Why there is no explanation: one of REASONS, and words for people."""

    code: str
    message: str = ""

    @property
    def words(self) -> str:
        return self.message or REASONS.get(self.code, "")

    def as_body(self) -> dict[str, Any]:
        """The fields of an answer."""
        return {"explanation": None, "no_explanation": {"code": self.code, "message": self.words}}


class CannotExplain(Exception):
    """Carries a reason out of the depths."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or REASONS.get(code, code))
        self.reason = NotExplained(code, message)


def largest_first(
    of: Any, base: float, margin: float, parts: list[tuple[str, Any, float]], most: int
) -> RowExplanation:
    """parts: (name, value, contribution) of everything that contributed; `most` of them are listed. Raises ValueError
    for a margin that is no number."""
    if not math.isfinite(margin):
        raise ValueError("the margin of this row is not finite")
    parts = sorted(parts, key=lambda part: -abs(part[2]))
    listed = tuple(Contribution(name, value, moved) for name, value, moved in parts[:most] if moved)
    rest = float(sum(part[2] for part in parts[most:]))
    return RowExplanation(of, base, margin, listed, rest)
