"""Is the new version better than the live one? Asked of both on the last part of the time, which the new one never saw.

The live version may have learned from that time already, which speaks for it: the comparison errs towards keeping it.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from inference import golden, model_cache
from registry import resolver
from registry.models import ModelVersion
from solutions.figures import Figure
from solutions.propositions import evaluation, metrics
from solutions.propositions.dataset import Examples
from solutions.propositions.errors import TooFewInteractions
from solutions.propositions.features.columns import COLUMNS
from solutions.propositions.ranking import rules

HELD_OUT_SHARE = 0.25
MOST_HELD_OUT_SECONDS = 30 * 86_400.0
_AT_ONCE = 1_000

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """learned: the rows before the moment of parting; held_out: those after it."""

    learned: Examples
    held_out: Examples


def parted(examples: Examples) -> Parts:
    """By time: the last quarter, at most thirty days, is held out. Raises TooFewInteractions."""
    if not len(examples):
        raise TooFewInteractions("Nothing was shown yet.")
    first, last = float(examples.at.min()), float(examples.at.max())
    moment = last - min(HELD_OUT_SHARE * (last - first), MOST_HELD_OUT_SECONDS)
    parts = Parts(examples.where(examples.at < moment), examples.where(examples.at >= moment))
    for name, part in (("before", parts.learned), ("after", parts.held_out)):
        if not len(part) or part.clicked.min() == part.clicked.max():
            raise TooFewInteractions(f"There are no clicks, or nothing else, {name} the moment that parts the data.")
    return parts


def takes_our_columns(version: ModelVersion) -> bool:
    """Whether the version was trained on today's columns and tells a probability of a click."""
    signature = version.signature or {}
    names = tuple(column["name"] for column in signature.get("inputs", []))
    return names == COLUMNS and 1 in (signature.get("classes") or [])


def scores_of(version: ModelVersion, examples: Examples) -> Array:
    """What the version, as it is served, says of the rows: the probability of a click. Nothing is recorded."""
    loaded = model_cache.cache.get(resolver.served(version))
    place = list(loaded.signature.classes or ()).index(1)
    asked, found = examples.as_served().tolist(), []
    for at in range(0, len(asked), _AT_ONCE):
        told = golden.ask(loaded, asked[at : at + _AT_ONCE]).probabilities or []
        found += [row[place] for row in told]
    return np.array(found, dtype=np.float64)


def compared(new: ModelVersion, live: ModelVersion | None, held_out: Examples, *, seed: int) -> dict[str, Any]:
    """The figures of both and the ranges of the differences, as JSON. Without a live version the rules stand in."""
    ours = scores_of(new, held_out)
    theirs = scores_of(live, held_out) if live else rules.scores(held_out.as_served())
    found = evaluation.difference(held_out, ours, theirs, seed=seed)
    return {
        "held_out_rows": len(held_out),
        "held_out_clicks": int(held_out.clicked.sum()),
        "with": f"version {live.number}" if live else "rules",
        "new": _figures(held_out, ours),
        "live": _figures(held_out, theirs),
        "difference": {name: _plain(figure) for name, figure in found.items()},
    }


def is_better(comparison: dict[str, Any]) -> tuple[bool, str]:
    """The gate: the whole range of the difference in AUC above 0, that in NDCG not wholly below. With the reason."""
    auc, ndcg = comparison["difference"]["auc"], comparison["difference"]["ndcg"]
    told = f"AUC differs by {auc['value']:+.4f} ({auc['low']:+.4f} to {auc['high']:+.4f}) from {comparison['with']}"
    if ndcg["high"] < 0:
        return False, f"{told}, but NDCG is worse ({ndcg['value']:+.4f})."
    return auc["low"] > 0, f"{told}."


def _figures(examples: Examples, scores: Array) -> dict[str, float]:
    return {
        "auc": metrics.auc(examples.clicked, scores),
        f"ndcg@{evaluation.PLACES}": metrics.ndcg_at(evaluation.PLACES, examples.clicked, scores, examples.lists),
        "mse": metrics.mse(examples.clicked, scores),
    }


def _plain(figure: Figure) -> dict[str, Any]:
    return {name: value for name, value in asdict(figure).items() if name in ("value", "low", "high")}
