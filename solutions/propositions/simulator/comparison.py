"""What each ranking achieves with the same users in the same month, and how much of what can be gained it gains."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from solutions.figures import Figure, measured
from solutions.propositions import evaluation, learners, metrics, simulated
from solutions.propositions.simulator import policies
from solutions.propositions.simulator.policies import Policy
from solutions.propositions.simulator.visits import Outcome

STRENGTHS = (0.0, 0.3, 0.6)
ROUNDS = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """One ranking. rate: clicks per impression. gained: where it stands between random (0) and the oracle (1)."""

    name: str
    rate: Figure
    gained: float
    categories: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """lines: the rankings, the worst first. better: by how much the learned one beats rules and popularity."""

    lines: list[Line]
    better: dict[str, Figure]
    impressions: int


def compare(*, seed: int, tell: Callable[[str], None]) -> Comparison:
    """Learn from the two months that the shipped model learned from; then let each ranking serve the fourth."""
    tell("three simulated months")
    months = simulated.months(simulated.past(seed=seed))
    estimator = learners.fitted(learners.USUAL, months.learned, seed=seed)

    def score(rows: Any) -> Any:
        return evaluation.probability(estimator, learners.frame(rows))

    ranked: dict[str, Policy] = {
        "random": policies.at_random,
        "popularity": policies.by_popularity,
        "rules": policies.by_rules,
        **{f"learned, diversity {strength:g}": policies.learned(score, strength=strength) for strength in STRENGTHS},
        "oracle": policies.oracle,
    }
    first = simulated.LEARNED_DAYS + simulated.HELD_OUT_DAYS
    days = range(first, first + simulated.COMPARED_DAYS)
    outcomes: dict[str, Outcome] = {}
    for name, policy in ranked.items():
        tell(f"the fourth month, ranked by {name}")
        outcomes[name] = months.street.copy().run(days, policy)
    return _told(outcomes, seed)


def _told(outcomes: dict[str, Outcome], seed: int) -> Comparison:
    rates = {
        name: measured(
            "click rate", metrics.click_rate, outcome.clicked, groups=outcome.users, seed=seed, rounds=ROUNDS
        )
        for name, outcome in outcomes.items()
    }
    low, high = rates["random"].value, rates["oracle"].value
    lines = [
        Line(name, rate, (rate.value - low) / (high - low), float(np.mean(outcomes[name].categories_per_list)))
        for name, rate in rates.items()
    ]
    usual = outcomes[f"learned, diversity {STRENGTHS[1]:g}"]
    better = {name: _difference(usual, outcomes[name], seed) for name in ("rules", "popularity", "random")}
    return Comparison(sorted(lines, key=lambda line: line.rate.value), better, len(usual.clicked))


def _difference(ours: Outcome, theirs: Outcome, seed: int) -> Figure:
    """Of click rates. The same users came on the same days, so a draw of users is a draw of both."""
    one, two = np.array(ours.clicked), np.array(theirs.clicked)
    return measured(
        "click rate difference", lambda first, second: float(np.mean(first) - np.mean(second)), one, two,
        groups=ours.users, seed=seed, rounds=ROUNDS,
    )  # fmt: skip
