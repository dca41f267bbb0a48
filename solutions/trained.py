"""What a training yields."""

from dataclasses import dataclass, field
from typing import Any

from solutions.figures import Figure


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """The file of one registered model and what speaks for it.

    sample: held-out rows as a client would send them. expected: the model's own predictions for them; together they
    become the golden questions. figures: measured on held-out rows. facts: more that the model card tells, as JSON
    (`confusion`, `per_class`, …). serving: how the model is served (`registry.services.change_model`), set once,
    when the model is new. light: the same model as ONNX, if its own form needs an extra; that is what a folder ships.
    """

    artifact: bytes
    task: str
    description: str
    sample: list[Any]
    expected: list[Any] | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    name: str = ""
    filename: str = ""
    handler: str = ""
    figures: tuple[Figure, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    serving: dict[str, Any] = field(default_factory=dict)
    light: bytes = b""

    def as_metrics(self) -> list[dict[str, Any]]:
        """The form in which the registry keeps them."""
        plain = [{"name": name, "value": value} for name, value in self.metrics.items()]
        return plain + [metric for figure in self.figures for metric in figure.as_metrics()]
