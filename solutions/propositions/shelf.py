"""The propositions of which lists are made, kept in this process until the stock changes or one of them opens.

Of a small shop these are all that are open; of a large one the popular and the new ones.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet

from solutions.propositions.features.matrix import Item, Items
from solutions.propositions.models import Proposition
from solutions.propositions.pricing import log_price

MOST = 100
NEW = 15


class Offer(NamedTuple):
    """A proposition as it is suggested: what is told of it, and what the features need."""

    ref: str
    title: str
    price: float
    item: Item

    @property
    def key(self) -> int:
        """The proposition's in the database."""
        return self.item.key


class Offers:
    """Some propositions, and the same as columns."""

    __slots__ = ("each", "items")

    def __init__(self, each: list[Offer]) -> None:
        self.each = each
        self.items = Items([offer.item for offer in each])

    def __len__(self) -> int:
        return len(self.each)


@dataclass(frozen=True, slots=True)
class Shelf:
    """popular: all that are open if is_all, else the first MOST; new: the NEW newest, of a large shop.
    opens_at: when the next proposition opens, if one waits."""

    stock: int
    read_at: datetime
    opens_at: datetime | None
    is_all: bool
    popular: Offers
    new: list[Offer]
    at_key: dict[int, Offer]

    def holds(self, stock: int, at: datetime) -> bool:
        """Whether it tells what is open at that moment in this stock."""
        return self.stock == stock and self.read_at <= at and (self.opens_at is None or at < self.opens_at)


_shelf: Shelf | None = None


def at(moment: datetime, *, stock: int) -> Shelf:
    """What is open at the moment. `stock`: the number of the stock, read before."""
    global _shelf
    kept = _shelf
    if kept is None or not kept.holds(stock, moment):
        kept = _shelf = _read(moment, stock)
    return kept


def among(kept: Shelf, keys: list[int]) -> list[Offer] | None:
    """The propositions with these keys in this order; None unless all are open. A query when the shelf lacks some."""
    found = kept.at_key
    if not kept.is_all and not found.keys() >= set(keys):
        found = {offer.key: offer for offer in offers(open_at(kept.read_at).filter(pk__in=keys))}
    return [found[key] for key in keys] if found.keys() >= set(keys) else None


def forget() -> None:
    """Read the propositions again at the next question."""
    global _shelf
    _shelf = None


def open_at(moment: datetime) -> "QuerySet[Proposition]":
    """What may be suggested at the moment."""
    return Proposition.objects.filter(is_active=True, published_at__lte=moment)


def offers(propositions: "QuerySet[Proposition]") -> list[Offer]:
    """The propositions as they are suggested; one query."""
    return [_offer(*row) for row in propositions.values_list(*_FIELDS)]


_FIELDS = ("pk", "ref", "title", "category", "price", "published_at", "impressions", "clicks")


def _offer(
    pk: int, ref: str, title: str, category: str, price: Any, published: datetime, impressions: float, clicks: float
) -> Offer:
    item = Item(pk, category, log_price(float(price)), published.timestamp(), impressions, clicks)
    return Offer(ref, title, float(price), item)


def _read(moment: datetime, stock: int) -> Shelf:
    open = open_at(moment)
    popular = offers(open.order_by("-click_rate", "pk")[: MOST + 1])
    is_all = len(popular) <= MOST
    new = [] if is_all else offers(open.order_by("-published_at", "pk")[:NEW])
    waiting = Proposition.objects.filter(is_active=True, published_at__gt=moment).order_by("published_at")
    return Shelf(
        stock,
        moment,
        waiting.values_list("published_at", flat=True).first(),
        is_all,
        Offers(popular[:MOST]),
        new,
        {offer.key: offer for offer in [*popular, *new]},
    )
