"""Made-up customers who pay as people do, and fraud of five known patterns planted among their payments.

Nothing here is real. What is odd but honest is planted, too: journeys, night workers, large purchases.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from solutions.anomalies.transaction import CATEGORIES, EUROS, Transaction

FRAUD_SHARE = 0.015
PATTERNS = ("card testing", "night spree", "cash abroad", "gift cards", "takeover")
HOMES = {"DE": "EUR", "FR": "EUR", "ES": "EUR", "GB": "GBP", "US": "USD", "PL": "PLN", "CH": "CHF", "SE": "SEK"}
ABROAD = ("BR", "TH", "US", "NG", "RO", "MX", "TR", "IT", "AE", "GB", "ID", "UA")
# How much more than usual is paid, and how often, in each category.
SIZES = dict(
    zip(CATEGORIES, (3.0, 1.8, 6.0, 1.2, 1.7, 1.5, 1.3, 1.0, 1.1, 3.5, 9.0, 1.0, 1.0, 0.5, 0.4, 10.0), strict=True)
)
SHARES = np.array([4, 5, 2, 5, 6, 1, 0.5, 25, 4, 4, 0.4, 6, 17, 6, 12, 2.1])
ONLINE = {"electronics": 0.6, "subscriptions": 1.0, "gift_cards": 0.7, "travel": 0.8, "clothing": 0.5, "gambling": 0.9}

Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Labelled:
    """pattern: empty for an honest payment."""

    transaction: Transaction
    customer: int
    pattern: str


@dataclass(frozen=True, slots=True)
class Customer:
    number: int
    home: str
    usual: float  # euros
    midday: float  # the hour around which they pay
    travels: float  # the share of payments abroad
    tastes: Any


def generate(*, seed: int, customers: int = 400, payments: int = 60) -> list[Labelled]:
    """`payments` for each customer, of which FRAUD_SHARE are fraud."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(customers):
        person = _person(number, random)
        for _ in range(payments):
            if random.random() < FRAUD_SHARE:
                pattern = PATTERNS[random.integers(len(PATTERNS))]
                found.append(Labelled(_FRAUD[pattern](person, random), number, pattern))
            else:
                found.append(Labelled(_honest(person, random), number, ""))
    return found


def _person(number: int, random: Random) -> Customer:
    return Customer(
        number,
        str(random.choice(list(HOMES))),
        float(np.exp(random.normal(3.2, 0.5))),
        1.5 if random.random() < 0.05 else float(random.normal(14.0, 2.0)),  # some work at night
        float(random.choice([0.0, 0.02, 0.25], p=[0.5, 0.4, 0.1])),
        random.dirichlet(SHARES),
    )


def _honest(person: Customer, random: Random) -> Transaction:
    category = str(random.choice(CATEGORIES, p=person.tastes))
    euros = person.usual * SIZES[category] * np.exp(random.normal(0.0, 0.55))
    is_abroad = random.random() < person.travels
    return _paid(
        person,
        euros,
        category,
        channel=_channel(category, random),
        country=str(random.choice(ABROAD)) if is_abroad else person.home,
        hour=int(random.normal(person.midday, 4.0)) % 24,
        last_hour=int(random.poisson(0.15)),
        is_new=random.random() < (0.6 if is_abroad else 0.15),
    )


def _channel(category: str, random: Random) -> str:
    if category == "cash":
        return "atm"
    if random.random() < ONLINE.get(category, 0.1):
        return "online"
    return "contactless" if random.random() < 0.6 else "chip"


def _paid(
    person: Customer,
    euros: float,
    category: str,
    *,
    channel: str,
    country: str,
    hour: int,
    last_hour: int,
    is_new: bool,
) -> Transaction:
    currency = HOMES[person.home]
    return Transaction(
        amount=max(round(float(euros) / EUROS[currency], 2), 0.01),
        currency=currency,
        merchant_category=category,
        country=country,
        hour=hour,
        channel=channel,
        home_country=person.home,
        usual_amount=round(person.usual / EUROS[currency], 2),
        transactions_last_hour=last_hour,
        is_new_merchant=bool(is_new),
    )


def _card_testing(person: Customer, random: Random) -> Transaction:
    """Many tiny payments on the net, to find out whether a stolen number works."""
    return _paid(
        person, random.uniform(0.5, 4.0), str(random.choice(["subscriptions", "other", "gift_cards"])),
        channel="online", country=str(random.choice(ABROAD)) if random.random() < 0.6 else person.home,
        hour=int(random.integers(24)), last_hour=int(random.integers(3, 20)), is_new=True,
    )  # fmt: skip


def _night_spree(person: Customer, random: Random) -> Transaction:
    """Dear things that sell on, bought while the owner sleeps."""
    return _paid(
        person, person.usual * random.uniform(8, 40), str(random.choice(["electronics", "jewellery", "clothing"])),
        channel=str(random.choice(["online", "chip"])), country=person.home, hour=int(random.integers(0, 6)),
        last_hour=int(random.integers(0, 5)), is_new=random.random() < 0.9,
    )  # fmt: skip


def _cash_abroad(person: Customer, random: Random) -> Transaction:
    """Withdrawals with a copied card, far away."""
    return _paid(
        person, person.usual * random.uniform(6, 20), "cash", channel="atm", country=str(random.choice(ABROAD)),
        hour=int(random.integers(24)), last_hour=int(random.integers(0, 4)), is_new=True,
    )  # fmt: skip


def _gift_cards(person: Customer, random: Random) -> Transaction:
    """Money made untraceable in portions."""
    return _paid(
        person, person.usual * random.uniform(2, 10), "gift_cards", channel="online", country=person.home,
        hour=int(random.integers(24)), last_hour=int(random.integers(1, 7)), is_new=random.random() < 0.8,
    )  # fmt: skip


def _takeover(person: Customer, random: Random) -> Transaction:
    """Somebody who has the account and takes care: little about it is odd."""
    return _paid(
        person, person.usual * random.uniform(2, 6), str(random.choice(["electronics", "clothing", "travel", "other"])),
        channel="online", country=str(random.choice(ABROAD)) if random.random() < 0.3 else person.home,
        hour=int(random.normal(person.midday, 5.0)) % 24, last_hour=int(random.poisson(0.6)),
        is_new=random.random() < 0.9,
    )  # fmt: skip


_FRAUD = {
    "card testing": _card_testing,
    "night spree": _night_spree,
    "cash abroad": _cash_abroad,
    "gift cards": _gift_cards,
    "takeover": _takeover,
}
