"""The rankings that are compared. Each is told what the platform would know, and only the oracle more."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from solutions.propositions.features import matrix
from solutions.propositions.features.columns import COLUMNS
from solutions.propositions.features.history import Known
from solutions.propositions.features.matrix import Item
from solutions.propositions.ranking import diversity, rules

Array = np.ndarray[Any, Any]
Score = Callable[[matrix.Matrix], Array]


@dataclass(frozen=True, slots=True)
class Visit:
    """A user who comes and is shown a list. `true_click` is for the oracle alone."""

    user: int
    at: float
    context: str
    known: Known
    items: list[Item]
    true_click: Array
    draw: "np.random.Generator"


class Policy(Protocol):
    """Ranks the items of many visits at once: for each the numbers of its items, the best first."""

    def __call__(self, visits: list[Visit], *, length: int) -> list[list[int]]: ...


def at_random(visits: list[Visit], *, length: int) -> list[list[int]]:
    """Any order."""
    return [visit.draw.permutation(len(visit.items))[:length].tolist() for visit in visits]


def by_popularity(visits: list[Visit], *, length: int) -> list[list[int]]:
    """What everybody clicks most, whoever asks."""
    return [
        _best([matrix.item_click_rate(item.impressions, item.clicks) for item in visit.items], length)
        for visit in visits
    ]


def oracle(visits: list[Visit], *, length: int) -> list[list[int]]:
    """The order of the true probabilities: nobody can do better in this world, list by list."""
    return [_best(visit.true_click, length) for visit in visits]


def by_rules(visits: list[Visit], *, length: int) -> list[list[int]]:
    """The ranking that answers while there is no model."""
    return learned(rules.scores, strength=0.0)(visits, length=length)


def learned(score: Score, *, strength: float) -> Policy:
    """A model's order; all visits of a day are scored in one call. strength: of the diversity."""

    def rank(visits: list[Visit], *, length: int) -> list[list[int]]:
        made = [matrix.rows(v.known, v.items, context=v.context, at=v.at) for v in visits]
        scores = score(np.concatenate(made) if made else np.zeros((0, len(COLUMNS)), dtype=np.float32))
        ranked, at = [], 0
        for visit in visits:
            own = scores[at : at + len(visit.items)].tolist()
            at += len(visit.items)
            categories = [item.category for item in visit.items]
            ranked.append(diversity.chosen(own, categories, limit=length, strength=strength))
        return ranked

    return rank


def _best(scores: Any, length: int) -> list[int]:
    return np.argsort(-np.asarray(scores), kind="stable")[:length].tolist()
