"""Reading for the solutions' pages: what is live of a solution's models, and how good it was on held-out rows."""

from dataclasses import dataclass
from typing import Any

from registry.models import ModelVersion, RegisteredModel
from solutions.figures import Figure
from solutions.solution import Solution


@dataclass(frozen=True, slots=True)
class ModelState:
    """One of a solution's models, as this person may see it. version: what is live; newest: when nothing is."""

    name: str
    model: RegisteredModel | None = None
    version: ModelVersion | None = None
    newest: ModelVersion | None = None
    figures: tuple[Figure, ...] = ()


def models_of(solution: Solution, *, user: Any) -> list[ModelState]:
    """A solution's models in its own order; those that this person may not see, or that are not there, are bare."""
    visible = RegisteredModel.objects.visible_to(user).listed().filter(name__in=solution.models)
    found = {model.name: _state(model) for model in visible}
    return [found.get(name, ModelState(name)) for name in solution.models]


def _state(model: RegisteredModel) -> ModelState:
    open = model.open_deployment()
    newest = model.versions.order_by("-number").first()
    version = open.version if open else None
    shown = version or newest
    return ModelState(model.name, model, version, newest, figures_of(shown.metrics) if shown else ())


def figures_of(metrics: list[dict[str, Any]]) -> tuple[Figure, ...]:
    """A version's metrics as figures again: `Figure.as_metrics` taken back. Metrics without a range are left out."""
    by_name: dict[tuple[str, str], float] = {(one["name"], one.get("dataset", "")): one["value"] for one in metrics}
    found = []
    for (name, dataset), value in by_name.items():
        low, high = by_name.get((name, f"{dataset}, 2.5 %")), by_name.get((name, f"{dataset}, 97.5 %"))
        if low is None or high is None:
            continue
        ends = {f"{dataset}, 2.5 %", f"{dataset}, 97.5 %"}
        others = [
            key[1] for key in by_name if key[0] == name and key[1].startswith(f"{dataset}, ") and key[1] not in ends
        ]
        other = others[0] if others else None
        baseline = by_name[name, other] if other else None
        found.append(
            Figure(name, value, low, high, baseline, other.removeprefix(f"{dataset}, ") if other else "", dataset)
        )
    return tuple(found)
