"""Trains both detectors on made-up payments and measures them on other customers'.

The isolation forest (Liu, Ting and Zhou, Isolation Forest, 2008) sees no label and reads the six numbers; the boosted
trees learn from labelled fraud and read category and channel, too. What each is worth on fraud of a kind that nobody
labelled is measured by leaving each pattern out of the training in turn.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, IsolationForest
from sklearn.metrics import average_precision_score, precision_recall_curve
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from solutions import shipping
from solutions.anomalies import BOOSTED, FOREST, features, generator
from solutions.anomalies.features import CATEGORIES, FRAUD, HONEST, NUMBERS
from solutions.anomalies.generator import FRAUD_SHARE, PATTERNS
from solutions.figures import Figure, measured
from solutions.saving import saved
from solutions.trained import TrainedModel
from solutions.work import Work

HELD_OUT_SHARE = 0.35
SAMPLE_ROWS = 40
FOLDS = 3
STEPS = 6
NEVER_LABELLED = "pattern left out of training"

DESCRIPTIONS = {
    FOREST: "Does a card payment stand out? The detector that learns without labels.",
    BOOSTED: "Does a card payment stand out? The detector that learns from labelled fraud.",
}
_FOLDER = Path(__file__).parent / "data"

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Payments:
    """rows: what the models read; one entry for each payment in every column."""

    rows: pd.DataFrame
    is_fraud: Array
    patterns: Array
    customers: Array

    def of(self, chosen: Array) -> "Payments":
        return Payments(
            self.rows.loc[chosen].reset_index(drop=True),
            self.is_fraud[chosen],
            self.patterns[chosen],
            self.customers[chosen],
        )


def train(work: Work) -> list[TrainedModel]:
    """Both detectors. The same seed and libraries yield the same models and figures."""
    work.tell(0, STEPS, "making payments")
    every = payments(seed=work.seed)
    held_out = every.customers >= (1 - HELD_OUT_SHARE) * (every.customers.max() + 1)
    known, unseen = every.of(~held_out), every.of(held_out)
    work.tell(1, STEPS, "the isolation forest")
    forest = _forest(known, work.seed)
    work.tell(2, STEPS, "the boosted trees")
    boosted = _boosted(known, work.seed)
    threshold = _threshold(known, work)
    work.tell(4, STEPS, "patterns left out in turn")
    left_out = _left_out(known, unseen, work.seed)
    work.tell(5, STEPS, "measuring")
    models = [
        _told(FOREST, forest, _scores_of_forest(forest, unseen), -float(forest.offset_), unseen, left_out, work.seed),
        _told(BOOSTED, boosted, _scores_of_boosted(boosted, unseen), threshold, unseen, left_out, work.seed),
    ]
    work.tell(STEPS, STEPS, "done")
    return models


def shipped() -> list[TrainedModel]:
    """What `train` yields with the solution's own seed, from the files in `data/`, so that a demo needs no training.

    They are written by `manage.py train anomalies --ship`.
    """
    return shipping.read(_FOLDER)


def payments(*, seed: int, **size: int) -> Payments:
    """Made-up payments as the models read them."""
    labelled = generator.generate(seed=seed, **size)
    rows = pd.DataFrame([features.row_of(one.transaction) for one in labelled], columns=list(features.COLUMNS))
    patterns = np.array([one.pattern for one in labelled])
    return Payments(rows, patterns != "", patterns, np.array([one.customer for one in labelled]))


def _forest(known: Payments, seed: int) -> Any:
    """What stands out as much as the FRAUD_SHARE of training rows that stand out most is an anomaly."""
    forest = IsolationForest(n_estimators=150, max_samples=256, contamination=FRAUD_SHARE, random_state=seed)
    return forest.fit(known.rows[list(NUMBERS)])


def _boosted(known: Payments, seed: int) -> Any:
    columns = make_column_transformer(
        ("passthrough", list(NUMBERS)), (OneHotEncoder(handle_unknown="ignore"), list(CATEGORIES))
    )
    trees = GradientBoostingClassifier(n_estimators=150, max_depth=3, learning_rate=0.1, random_state=seed)
    return make_pipeline(columns, trees).fit(known.rows, np.where(known.is_fraud, FRAUD, HONEST))


def _scores_of_forest(forest: Any, some: Payments) -> Array:
    """The anomaly score of the paper: 2 to the minus mean depth in units of a usual one."""
    return -np.asarray(forest.score_samples(some.rows[list(NUMBERS)]))


def _scores_of_boosted(boosted: Any, some: Payments) -> Array:
    shares: Array = boosted.predict_proba(some.rows)[:, list(boosted.classes_).index(FRAUD)]
    return shares


def _threshold(known: Payments, work: Work) -> float:
    """The score with the best F1 on customers that were left out of the training."""
    scores = np.empty(len(known.rows))
    for at, (there, left) in enumerate(GroupKFold(FOLDS).split(known.rows, groups=known.customers)):
        work.tell(2, STEPS, f"its threshold: fold {at + 1} of {FOLDS}")
        scores[left] = _scores_of_boosted(_boosted(known.of(there), work.seed), known.of(left))
    precision, recall, thresholds = precision_recall_curve(known.is_fraud, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[int(np.argmax(f1[:-1]))])


def _left_out(known: Payments, unseen: Payments, seed: int) -> dict[str, Array]:
    """By model, for each fraud of the held-out customers its rank from above, by a model that never saw its pattern,
    among all held-out payments."""
    ranks = {FOREST: np.full(len(unseen.rows), np.nan), BOOSTED: np.full(len(unseen.rows), np.nan)}
    for pattern in PATTERNS:
        without = known.of(known.patterns != pattern)
        own = unseen.patterns == pattern
        for name, scores in (
            (FOREST, _scores_of_forest(_forest(without, seed), unseen)),
            (BOOSTED, _scores_of_boosted(_boosted(without, seed), unseen)),
        ):
            honest = np.sort(scores[~unseen.is_fraud])
            ranks[name][own] = (len(honest) - np.searchsorted(honest, scores[own], side="left")) / len(honest)
    return ranks


def _told(
    name: str, estimator: Any, scores: Array, threshold: float, unseen: Payments, left_out: dict[str, Array], seed: int
) -> TrainedModel:
    columns = NUMBERS if name == FOREST else features.COLUMNS
    chosen = _sample(unseen, seed)
    rows = unseen.rows[list(columns)].iloc[chosen]
    return TrainedModel(
        name=name,
        artifact=saved(estimator),
        task="classification",
        handler="tabular",
        description=DESCRIPTIONS[name],
        sample=rows.to_dict("records"),
        expected=estimator.predict(rows).tolist(),
        metrics={"threshold": threshold},
        figures=tuple(_figures(scores, threshold, unseen, left_out[name], seed)),
        facts=_facts(scores, threshold, unseen),
    )


def _figures(scores: Array, threshold: float, unseen: Payments, ranks: Array, seed: int) -> list[Figure]:
    truth, said = unseen.is_fraud, scores >= threshold
    amounts = unseen.rows["amount"].to_numpy()
    told: dict[str, Any] = {"seed": seed, "groups": unseen.customers}
    share = float(truth.mean())
    caught = ranks[truth] <= FRAUD_SHARE
    return [
        measured(
            "average precision", average_precision_score, truth, scores, **told,
            baseline=float(average_precision_score(truth, amounts)), baseline_name="by amount alone",
        ),
        measured("precision", _precision, truth, said, **told, baseline=share, baseline_name="all flagged"),
        measured("recall", _recall, truth, said, **told, baseline=float(said.mean()), baseline_name="at random"),
        measured("flagged share of honest payments", np.mean, said[~truth], seed=seed, groups=unseen.customers[~truth]),
        measured(
            f"recall among the first {100 * FRAUD_SHARE:g} %", np.mean, caught, seed=seed,
            groups=unseen.customers[truth], dataset=NEVER_LABELLED, baseline=FRAUD_SHARE, baseline_name="at random",
        ),
    ]  # fmt: skip


def _precision(truth: Array, said: Array) -> float:
    return float(truth[said].mean()) if said.any() else float("nan")


def _recall(truth: Array, said: Array) -> float:
    return float(said[truth].mean()) if truth.any() else float("nan")


def _facts(scores: Array, threshold: float, unseen: Payments) -> dict[str, Any]:
    said = scores >= threshold
    precision, recall, _ = precision_recall_curve(unseen.is_fraud, scores)
    return {
        "Held out": f"{len(unseen.rows)} payments of {len(np.unique(unseen.customers))} customers that the training "
        f"never saw, {int(unseen.is_fraud.sum())} of them fraud",
        "Threshold": f"{threshold:.4f}",
        "Patterns": [
            {
                "pattern": pattern,
                "payments": int((unseen.patterns == pattern).sum()),
                "found": float(said[unseen.patterns == pattern].mean()),
            }
            for pattern in PATTERNS
        ],
        "Precision and recall at other thresholds": [
            {"recall at least": wanted, "precision": float(precision[recall >= wanted].max())}
            for wanted in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
        ],
    }


def _sample(unseen: Payments, seed: int) -> Array:
    """Some held-out payments of each kind."""
    random = np.random.default_rng(seed)
    chosen = [random.permutation(np.flatnonzero(unseen.patterns == pattern))[:3] for pattern in PATTERNS]
    honest = random.permutation(np.flatnonzero(~unseen.is_fraud))
    return np.concatenate([*chosen, honest])[:SAMPLE_ROWS]
