"""The tables of those solutions that have some: one app, so that a solution is one line in the catalogue."""

from solutions.notifications.models import Action, ActionRule
from solutions.propositions.models import (
    Counting,
    Interaction,
    Proposition,
    PropositionCount,
    Retraining,
    Stock,
    UserFeatures,
)
from solutions.runs.models import TrainingRun

__all__ = [
    "Action",
    "ActionRule",
    "Counting",
    "Interaction",
    "Proposition",
    "PropositionCount",
    "Retraining",
    "Stock",
    "TrainingRun",
    "UserFeatures",
]
