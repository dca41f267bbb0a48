"""Maximal marginal relevance (Carbonell and Goldstein, 1998) over categories.

The next place goes to whoever has the largest `(1 - strength) * relevance - strength * alikeness`, where relevance is
the score brought to 0..1 over the candidates, and alikeness to a list is the share of its members so far that have the
same category. Strength 0 is the plain ranking, and strength 1 fills places without regard to the score.
"""

from collections import Counter
from collections.abc import Sequence


def chosen(scores: Sequence[float], categories: Sequence[str], *, limit: int, strength: float) -> list[int]:
    """The numbers of at most `limit` candidates, the best first. Equal ones keep their order."""
    left = sorted(range(len(scores)), key=lambda number: -scores[number])
    if strength <= 0.0:
        return left[:limit]
    relevance = _from_0_to_1(scores)
    taken: list[int] = []
    have: Counter[str] = Counter()
    while left and len(taken) < limit:

        def worth(number: int) -> float:
            alike = have[categories[number]] / len(taken) if taken else 0.0
            return (1.0 - strength) * relevance[number] - strength * alike

        best = max(left, key=worth)
        left.remove(best)
        taken.append(best)
        have[categories[best]] += 1
    return taken


def _from_0_to_1(scores: Sequence[float]) -> list[float]:
    if not scores:
        return []
    low, high = min(scores), max(scores)
    return [(score - low) / (high - low) if high > low else 1.0 for score in scores]
