"""The ways to compile that were tried, and the best so far."""

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from inference.errors import ModelExecutionFailed, ValidationFailed
from inference.validation import parity

MESSAGE_LENGTH = 1500
COMFORTABLE = parity.PROBABILITY_TOLERANCE / 50

Compiled = TypeVar("Compiled")


@dataclass(slots=True)
class Search(Generic[Compiled]):
    tried: list[dict[str, Any]] = field(default_factory=list)
    best: Compiled | None = None
    rank: tuple[int, float] = (0, 0.0)

    def note(self, name: str, outcome: str, **details: Any) -> None:
        self.tried.append({"name": name, "outcome": outcome, **details})

    def keep(self, compiled: Compiled, proof: parity.Parity) -> None:
        rank = (proof.ties, proof.max_difference or 0.0)
        if self.best is None or rank < self.rank:
            self.best, self.rank = compiled, rank

    def is_comfortable(self) -> bool:
        """Whether the best is so close to the original that no row is likely to be over the tolerance."""
        return self.best is not None and self.rank <= (0, COMFORTABLE)

    @staticmethod
    def words(error: Exception) -> str:
        text = (
            str(error)
            if isinstance(error, ModelExecutionFailed | ValidationFailed)
            else f"{type(error).__name__}: {error}"
        )
        return text[:MESSAGE_LENGTH]
