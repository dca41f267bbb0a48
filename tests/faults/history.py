"""Whether what was answered can be explained by what was live: the judge of every switch."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple


class Switch(NamedTuple):
    """A version made live: when the call began and when it had ended."""

    version: int
    began: float
    ended: float


class Seen(NamedTuple):
    """A version that answered, when the question was asked, and when the answer was there."""

    version: int
    asked: float
    answered: float


_NEVER = Switch(0, float("inf"), float("inf"))


def violations(switches: Sequence[Switch], seen: Iterable[Seen], *, bound: float) -> list[Seen]:
    """The answers of versions that were live at no moment between `bound` before the question and the answer.

    `switches` are in the order of the ledger; the first one ended before the first question.
    """
    lives: dict[int, list[tuple[float, float]]] = {}
    for one, after in pairwise([*switches, _NEVER]):
        lives.setdefault(one.version, []).append((one.began, after.ended))
    return [
        answer
        for answer in seen
        if not any(
            began <= answer.answered and ended >= answer.asked - bound for began, ended in lives.get(answer.version, [])
        )
    ]


def disorder(switches: Sequence[Switch], ledger: Sequence[int]) -> str:
    """What is wrong with the ledger's order of versions, when the calls came one after the other; empty: nothing."""
    wanted = [one.version for one in switches]
    return "" if list(ledger) == wanted else f"the ledger says {list(ledger)[-5:]}, the calls were {wanted[-5:]}"
