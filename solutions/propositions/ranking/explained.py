"""What each column added to the score of a suggested row: of a model by its explainer, of rules by their factors."""

import time
from collections.abc import Mapping

from inference import model_cache
from inference.explaining import NotExplained
from inference.explaining import door as explaining
from inference.handlers.base import Payload
from registry.resolver import Served
from solutions.propositions.features.matrix import Matrix
from solutions.propositions.ranking import rules
from solutions.propositions.ranking.reasons import by_column

_CLICK = 1


def added_to(rows: Matrix, *, served: Served | None) -> list[Mapping[str, float]]:
    """For each row what each column added; `served`: the version that scored them, None for the rules.

    Of a version that can't be explained nothing is said: the mappings are empty. Never raises for want of reasons.
    """
    if served is None:
        return [by_column(row) for row in rules.contributions(rows)]
    nothing: list[Mapping[str, float]] = [{} for _ in rows]
    if not len(rows):
        return nothing
    # A click is what is explained, whatever class is the likelier one.
    told = explaining.explain(
        signature=model_cache.cache.get(served).signature,
        served=served,
        payload=Payload("instances", rows.tolist()),
        predictions=[_CLICK] * len(rows),
        until=time.perf_counter() + served.serving.deadline_seconds,
    )
    if isinstance(told, NotExplained):
        return nothing
    return [{one.name: one.contribution for one in row.contributions} for row in told.rows]
