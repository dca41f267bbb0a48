"""What can go wrong with propositions, beside what every solution knows."""

from solutions.errors import StateForbids, ThingNotFound, ValueInvalid


class PropositionNotFound(ThingNotFound):
    """There is no proposition of that id."""

    code = "not_found"


class PropositionUnknown(ValueInvalid):
    """The body names a proposition that does not exist."""

    code = "unknown_proposition"


class PropositionExists(StateForbids):
    """The id is taken."""

    code = "proposition_exists"


class TooFewInteractions(StateForbids):
    """There is not enough to learn from yet."""

    code = "too_few_interactions"


class RetrainingRuns(StateForbids):
    """One retraining at a time."""

    code = "retraining_runs"


class RetrainingEnded(StateForbids):
    """What is asked for can't be done with a retraining in this state."""

    code = "retraining_ended"
