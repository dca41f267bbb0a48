"""Which propositions are rated for a user: all of a small shop, of a large one at most MOST, found by indexes.

Of a large shop: what is popular, what is popular in the categories the user prefers, what is new, and some that chance
picks, so that what nobody was shown can be found out about. What is popular and new is kept on the shelf.
"""

import random
from collections.abc import Iterable
from datetime import datetime

from solutions.propositions import shelf
from solutions.propositions.features.history import Known
from solutions.propositions.knowledge import is_dismissed
from solutions.propositions.models import Proposition
from solutions.propositions.shelf import MOST, Offer, Offers, Shelf

POPULAR, PREFERRED, BY_CHANCE = 40, 30, 15
PREFERRED_CATEGORIES = 3


def for_user(known: Known, *, at: datetime, kept: Shelf, seed: str) -> Offers:
    """At most MOST propositions. `seed` decides what chance picks: the same for the same seed."""
    if kept.is_all and not known.dismissed_at:
        return kept.popular
    found = kept.popular.each if kept.is_all else _of_many(kept, known, at, seed)
    return Offers([offer for offer in found if not is_dismissed(known, offer.key, at=at)])


def _of_many(kept: Shelf, known: Known, at: datetime, seed: str) -> list[Offer]:
    open = shelf.open_at(at)
    pools: list[Iterable[Offer]] = [kept.popular.each[:POPULAR]]
    if preferred := _preferred(known):
        pools.append(shelf.offers(open.filter(category__in=preferred).order_by("-click_rate", "pk")[:PREFERRED]))
    pools.append(kept.new)
    last = Proposition.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    from_here = random.Random(seed).randint(1, last)  # noqa: S311 # no secret
    pools.append(shelf.offers(open.filter(pk__gte=from_here).order_by("pk")[:BY_CHANCE]))
    found = {offer.key: offer for pool in pools for offer in pool}
    return list(found.values())[:MOST]


def _preferred(known: Known) -> list[str]:
    """The categories that the user clicked most, after those that the client named."""
    clicked = sorted(known.by_category, key=lambda category: (-known.by_category[category].clicks, category))
    chosen = [category for category in clicked if known.by_category[category].clicks > 0]
    return [*sorted(known.stated.interests), *(c for c in chosen if c not in known.stated.interests)][
        :PREFERRED_CATEGORIES
    ]
