"""Trains the ranking on two simulated months and measures it on the third (`manage.py train propositions`).

An installation learns from its own users by retraining (`retraining`), through the same rows, learners and figures.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from solutions import shipping
from solutions.errors import ExtraMissing
from solutions.propositions import MODEL, evaluation, learners, simulated
from solutions.propositions.dataset import Examples
from solutions.propositions.features.columns import COLUMNS
from solutions.propositions.ranking import rules
from solutions.saving import saved
from solutions.trained import TrainedModel
from solutions.work import Work

SAMPLE_ROWS = 20
SERVING = {"record_policy": "outputs"}
DESCRIPTION = "How likely is a user to click a proposition? From what is known of both at that moment."


def train(work: Work) -> list[TrainedModel]:
    """One model: gradient boosting. The others are measured beside it."""
    steps = 3 + len(learners.KINDS)
    work.tell(0, steps, "three simulated months")
    street = simulated.past(seed=work.seed)
    work.tell(1, steps, "making rows")
    months = simulated.months(street)
    table, usual = [], None
    for number, kind in enumerate(learners.KINDS):
        work.tell(2 + number, steps, f"fitting {kind}")
        try:
            estimator = learners.fitted(kind, months.learned, seed=work.seed)
        except ExtraMissing:
            continue
        scores = evaluation.probability(estimator, learners.frame(months.held_out.as_served()))
        table.append(evaluation.row_of(kind, months.held_out, scores))
        if kind == learners.USUAL:
            usual = estimator
    work.tell(steps - 1, steps, "measuring")
    table += _trivial(months.held_out, seed=work.seed)
    model = trained(usual, learned=months.learned, held_out=months.held_out, seed=work.seed)
    work.tell(steps, steps, "done")
    facts = {
        "Lists of the simulated month that was held out, as other rankings would have ordered them": table,
        "Rows": f"{len(months.learned):,} impressions learned from, {len(months.held_out):,} held out",
    }
    return [with_facts(model, facts)]


def shipped() -> list[TrainedModel]:
    """What `train` yields with the solution's own seed, from the files in `data/`, so that a demo needs no training.

    They are written by `manage.py train propositions --ship`.
    """
    return shipping.read(Path(__file__).parent / "data")


def trained(estimator: Any, *, learned: Examples, held_out: Examples, seed: int) -> TrainedModel:
    """What is uploaded of a fitted estimator, with its figures."""
    asked = held_out.as_served()
    scores = evaluation.probability(estimator, learners.frame(asked))
    sample = asked[:SAMPLE_ROWS]
    figures = evaluation.figures(held_out, scores, learned_rate=float(learned.clicked.mean()), seed=seed)
    return TrainedModel(
        name=MODEL,
        artifact=saved(estimator),
        task="classification",
        description=DESCRIPTION,
        sample=[dict(zip(COLUMNS, row, strict=True)) for row in sample.tolist()],
        expected=estimator.predict(learners.frame(sample)).tolist(),
        figures=figures,
        metrics={"learned_rows": float(len(learned)), "held_out_rows": float(len(held_out))},
        serving=SERVING,
    )


def with_facts(model: TrainedModel, facts: dict[str, Any]) -> TrainedModel:
    """The same with more to tell on its card."""
    return replace(model, facts={**model.facts, **facts})


def _trivial(examples: Examples, *, seed: int) -> list[dict[str, Any]]:
    return [
        evaluation.row_of("rules", examples, rules.scores(examples.as_served())),
        evaluation.row_of("popularity", examples, evaluation.popularity(examples)),
        evaluation.row_of("random", examples, evaluation.at_random(examples, seed=seed)),
    ]
