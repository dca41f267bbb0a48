"""Golden answers: what a version must still say before it goes live, checked in every serving process."""

from typing import Any

from inference.handlers.base import Payload
from inference.model_cache import Loaded
from inference.validation import parity
from inference.validation.outputs import Answers


class GoldenMismatch(Exception):
    """The loaded model doesn't answer as it did when it was validated."""


def check(loaded: Loaded) -> float | None:
    """Run the version's golden inputs; the largest difference, in parity's measure, or None when there is none to tell.

    Raises GoldenMismatch when an answer differs by more than parity allows.
    """
    golden = loaded.served.golden
    if not golden:
        return None
    wanted = Answers(golden["predictions"], golden["probabilities"])
    proof = parity.compare(wanted, ask(loaded, golden["instances"]), loaded.signature.task)
    if not proof.passed:
        raise GoldenMismatch(f"golden answer {proof.row} differs: {proof.reason}")
    return proof.max_difference


def ask(loaded: Loaded, instances: list[Any]) -> Answers:
    """What the loaded model answers to rows. Raises InputInvalid when they don't fit its signature."""
    feeds = loaded.handler.preprocess(Payload("instances", instances), loaded.signature)
    told = loaded.handler.postprocess(loaded.model.predict(feeds), loaded.signature)
    return Answers(told.predictions, told.probabilities)
