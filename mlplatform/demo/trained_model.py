"""What a data scientist brings along."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """The file and what speaks for it."""

    artifact: bytes
    task: str
    description: str
    metrics: dict[str, float]
    sample: list[Any]
    """Held-out rows as a client would send them: objects if the columns have names, else lists."""
    expected: list[Any]
    """The model's own predictions for the sample."""
