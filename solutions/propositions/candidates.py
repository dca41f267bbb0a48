"""Which propositions are rated for a user: all of a small shop, of a large one at most MOST, found by indexes.

Of a large shop: what is popular, what is popular in the categories the user prefers, what is new, and some that chance
picks, so that what nobody was shown can be found out about. At most four queries, each bounded.
"""

import random
from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from solutions.propositions.features.history import Known
from solutions.propositions.knowledge import is_dismissed
from solutions.propositions.models import Proposition

MOST = 100
POPULAR, PREFERRED, NEW, BY_CHANCE = 40, 30, 15, 15
PREFERRED_CATEGORIES = 3


def for_user(known: Known, *, at: datetime, seed: str) -> list[Proposition]:
    """At most MOST propositions. `seed` decides what chance picks: the same for the same seed."""
    open = Proposition.objects.filter(is_active=True, published_at__lte=at)
    popular = list(open.order_by("-click_rate", "pk")[: MOST + 1])
    found = popular if len(popular) <= MOST else _of_many(open, popular, known, seed)
    return [proposition for proposition in found if not is_dismissed(known, proposition.pk, at=at)]


def _of_many(open: "QuerySet[Proposition]", popular: list[Proposition], known: Known, seed: str) -> list[Proposition]:
    pools: list[Iterable[Proposition]] = [popular[:POPULAR]]
    if preferred := _preferred(known):
        pools.append(open.filter(category__in=preferred).order_by("-click_rate", "pk")[:PREFERRED])
    pools.append(open.order_by("-published_at", "pk")[:NEW])
    last = Proposition.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    from_here = random.Random(seed).randint(1, last)  # noqa: S311 # no secret
    pools.append(open.filter(pk__gte=from_here).order_by("pk")[:BY_CHANCE])
    found = {proposition.pk: proposition for pool in pools for proposition in pool}
    return list(found.values())[:MOST]


def _preferred(known: Known) -> list[str]:
    """The categories that the user clicked most, after those that the client named."""
    clicked = sorted(known.by_category, key=lambda category: (-known.by_category[category].clicks, category))
    chosen = [category for category in clicked if known.by_category[category].clicks > 0]
    return [*sorted(known.stated.interests), *(c for c in chosen if c not in known.stated.interests)][
        :PREFERRED_CATEGORIES
    ]
