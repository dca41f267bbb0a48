"""How a model is to be served: what its owner may say of its cache, its deadline, its queue and its fallback.

`ServingSettings` are the columns of a model; None stands for the platform's own value. `Serving` is the same with every
value filled in, as the hot path reads it.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

LOWEST_AND_HIGHEST: dict[str, tuple[int, int]] = {
    "deadline_ms": (1, 600_000),
    "cache_ttl_seconds": (0, 30 * 86_400),
    "max_concurrent": (1, 1_000),
    "max_queued": (0, 10_000),
    "batch_max_rows": (1, 10_000),
    "batch_wait_ms": (0, 1_000),
}


class LoadPolicy(models.TextChoices):
    """When a live version is loaded."""

    PRELOAD = "preload", "At start: a process isn't ready without it"
    LAZY = "lazy", "With the first request"


def _number(name: str, help_text: str) -> Any:
    lowest, highest = LOWEST_AND_HIGHEST[name]
    checks = [MinValueValidator(lowest), MaxValueValidator(highest)]
    return models.PositiveIntegerField(null=True, blank=True, validators=checks, help_text=help_text)


def _in_range(name: str) -> models.CheckConstraint:
    lowest, highest = LOWEST_AND_HIGHEST[name]
    condition = Q(**{name: None}) | Q(**{f"{name}__gte": lowest, f"{name}__lte": highest})
    return models.CheckConstraint(condition=condition, name=f"model_{name}_in_range")


class ServingSettings(models.Model):
    """The columns."""

    load_policy = models.CharField(max_length=16, choices=LoadPolicy.choices, default=LoadPolicy.PRELOAD)
    deadline_ms = _number("deadline_ms", "A request that takes longer is answered 504. Empty: DEADLINE_MS.")
    cache_ttl_seconds = _number(
        "cache_ttl_seconds",
        "How long an answer may be given again; 0 turns that off. "
        "Empty: CACHE_DEFAULT_TTL, where a look into the cache is cheaper than the model.",
    )
    max_concurrent = _number("max_concurrent", "Calls at once in each process. Empty: as many as the process allows.")
    max_queued = _number("max_queued", "Requests that may wait in each process; the next is answered 503.")
    batch_max_rows = _number(
        "batch_max_rows", "Rows of several requests run as one call, where that pays; 1 turns it off."
    )
    batch_wait_ms = _number("batch_wait_ms", "How long a call waits for more rows. Empty: not at all.")
    fallback = models.JSONField(
        null=True, blank=True, help_text="The prediction given for each row when the model can't answer in time."
    )

    class Meta:
        abstract = True


CONSTRAINTS = [_in_range(name) for name in LOWEST_AND_HIGHEST]


@dataclass(frozen=True, slots=True)
class Serving:
    """How a model is served, every value filled in. `cache_seconds` None: the process decides by what it measured."""

    is_preloaded: bool = True
    deadline_seconds: float = 30.0
    cache_seconds: float | None = None
    max_concurrent: int | None = None
    max_queued: int = 64
    batch_max_rows: int = 64
    batch_wait_seconds: float = 0.0
    fallback: Any = None


def of_model(model: ServingSettings) -> Serving:
    """The settings of a model, with the platform's values where it has none."""
    return Serving(
        is_preloaded=model.load_policy == LoadPolicy.PRELOAD,
        deadline_seconds=_or(model.deadline_ms, settings.DEADLINE_MS) / 1000,
        cache_seconds=None if model.cache_ttl_seconds is None else float(model.cache_ttl_seconds),
        max_concurrent=model.max_concurrent,
        max_queued=_or(model.max_queued, settings.MAX_QUEUED),
        batch_max_rows=_or(model.batch_max_rows, settings.BATCH_MAX_ROWS),
        batch_wait_seconds=(model.batch_wait_ms or 0) / 1000,
        fallback=model.fallback,
    )


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def fallback_problem(value: Any) -> str:
    """Why `value` can't be a fallback; empty when it can."""
    cells = value if isinstance(value, list) else [value]
    if value is None or (cells and all(isinstance(cell, str | int | float | bool) for cell in cells)):
        return ""
    return "Give one prediction: a text, a number, true or false; for several outputs a list of these."
