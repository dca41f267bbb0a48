"""The simulated shop that the shipped model was trained on: three months of lists shown at random, two to learn from.

Every number here was fixed before the first measurement.
"""

from dataclasses import dataclass

from solutions.propositions.dataset import Examples, replay
from solutions.propositions.simulator import policies, world
from solutions.propositions.simulator.visits import DAY_SECONDS, Street

USERS, ITEMS = 300, 80
LEARNED_DAYS, HELD_OUT_DAYS, COMPARED_DAYS = 60, 30, 30
BEGAN_AT = 1_735_689_600.0
"""2025-01-01T00:00:00Z"""


@dataclass(frozen=True, slots=True)
class Months:
    """The street after the three months; the rows of the first two, and of the third."""

    street: Street
    learned: Examples
    held_out: Examples


def past(*, seed: int, users: int = USERS, items: int = ITEMS) -> Street:
    """The three months: every list was drawn at random, so that what was shown tells nothing of what was liked."""
    last = LEARNED_DAYS + HELD_OUT_DAYS
    made = world.build(seed=seed, users=users, items=items, last_day=last)
    street = Street(made, seed=seed, began_at=BEGAN_AT, last_month=LEARNED_DAYS)
    street.run(range(last), policies.at_random)
    return street


def months(street: Street) -> Months:
    """What a platform could learn from them, parted by time."""
    published = {item.number: street.published(item.number) for item in street.world.items}
    examples = replay(street.told.logged, published_at=published, counted=street.told.counted, said=street.told.said)
    parted = BEGAN_AT + LEARNED_DAYS * DAY_SECONDS
    return Months(street, examples.where(examples.at < parted), examples.where(examples.at >= parted))
