"""What is promised, and whether it was kept."""

from dataclasses import dataclass, replace
from typing import Any, Self

from django.conf import settings


class RequirementUnknown(ValueError):
    """A requirement that isn't known by this name, or a value that isn't a positive number."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """The limits a benchmark is judged by; the settings say the same in their order."""

    load_seconds: float
    inference_ms: float
    memory_mb: float
    concurrent_clients: float
    concurrent_ms: float
    success_rate: float
    cache_speedup: float
    worth_caching_ms: float
    suggest_ms: float
    suggest_auc: float

    @classmethod
    def from_settings(cls) -> Self:
        return cls(**{name: float(getattr(settings, f"BENCHMARK_{name.upper()}")) for name in cls.__slots__})

    def with_changes(self, changes: list[str]) -> Self:
        """`NAME=NUMBER`, each. Raises RequirementUnknown."""
        named: dict[str, Any] = {}
        for change in changes:
            name, _, text = change.partition("=")
            if name not in self.__slots__:
                raise RequirementUnknown(f"{name!r} is none of {', '.join(self.__slots__)}.")
            try:
                value = float(text)
            except ValueError:
                value = -1.0
            if not 0 < value < float("inf"):
                raise RequirementUnknown(f"{name} takes a number above 0, not {text!r}.")
            named[name] = value
        return replace(self, **named)


@dataclass(frozen=True, slots=True)
class Promise:
    """One line of the verdict. `is_kept` is None where there was nothing to judge."""

    name: str
    requirement: str
    measured: str
    is_kept: bool | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "promise": self.name,
            "requirement": self.requirement,
            "measured": self.measured,
            "meets_requirement": self.is_kept,
        }


def all_kept(promises: list[Promise]) -> bool:
    """Whether none was broken; at least one must have been judged."""
    judged = [promise.is_kept for promise in promises if promise.is_kept is not None]
    return bool(judged) and all(judged)
