"""Why a payment stands out, in words: what spoke most for it, taken from the model's own explanation."""

from collections.abc import Callable
from typing import Any

from inference.explaining import Explanation, NotExplained
from solutions.anomalies.features import HONEST
from solutions.anomalies.transaction import Transaction

MOST = 3
LEAST_PART = 0.1  # of the largest reason; what adds less is none


def _amount(one: Transaction) -> str:
    return f"The amount is {one.amount:,.2f} {one.currency}."


def _times_usual(one: Transaction) -> str:
    if one.usual_amount is None:
        return "How much the customer usually pays is not known."
    if one.times_usual >= 1:
        return f"The amount is {one.times_usual:.3g} times what the customer usually pays."
    return f"The amount is only {100 * one.times_usual:.2g} % of what the customer usually pays."


def _hour(one: Transaction) -> str:
    return f"It was paid between {one.hour}:00 and {one.hour}:59."


def _last_hour(one: Transaction) -> str:
    count = one.transactions_last_hour
    return f"There were {count} other payments in the hour before." if count else "It is the only payment of the hour."


def _abroad(one: Transaction) -> str:
    if one.is_abroad:
        return f"It was paid in {one.country}; the customer lives in {one.home_country}."
    return f"It was paid in {one.country}."


def _merchant(one: Transaction) -> str:
    return "The customer never paid this merchant before." if one.is_new_merchant else "The merchant is known."


WORDS: dict[str, Callable[[Transaction], str]] = {
    "amount": _amount,
    "times_usual": _times_usual,
    "hour": _hour,
    "transactions_last_hour": _last_hour,
    "is_abroad": _abroad,
    "is_new_merchant": _merchant,
    "merchant_category": lambda one: (
        f"The merchant sells {one.merchant_category.replace('_', ' ')}."
        if one.merchant_category != "other"
        else "The merchant is of no usual kind."
    ),
    "channel": lambda one: f"It was paid by {one.channel}." if one.channel != "online" else "It was paid online.",
}


def of(explanation: Explanation | NotExplained | None, transaction: Transaction) -> list[dict[str, Any]]:
    """What spoke for an anomaly, the most telling first; none where the answer is not explained."""
    if not isinstance(explanation, Explanation):
        return []
    row = explanation.rows[0]
    sign = -1.0 if row.of == HONEST else 1.0
    parts = sorted(((sign * one.contribution, one.name) for one in row.contributions), reverse=True)
    return [
        {"feature": name, "contribution": part, "text": WORDS[name](transaction)}
        for part, name in parts[:MOST]
        if part > 0 and part >= LEAST_PART * parts[0][0] and name in WORDS
    ]
