"""From a transaction to the row that the models read. The one code path of training and serving."""

import math
from typing import Any

from solutions.anomalies.transaction import EUROS, Transaction

COLUMNS = (
    "amount", "times_usual", "hour", "transactions_last_hour", "is_abroad", "is_new_merchant",
    "merchant_category", "channel",
)  # fmt: skip
NUMBERS, CATEGORIES = COLUMNS[:6], COLUMNS[6:]
FRAUD, HONEST = "fraud", "legitimate"
"""The classes of the detector that learns from labels."""


def row_of(transaction: Transaction) -> dict[str, Any]:
    """amount: the logarithm (base 10) of euros; times_usual: the logarithm (base 2) of the ratio; hour: hours since
    four in the morning, when a day of payments begins."""
    return {
        "amount": math.log10(transaction.amount * EUROS[transaction.currency]),
        "times_usual": math.log2(transaction.times_usual),
        "hour": float((transaction.hour - 4) % 24),
        "transactions_last_hour": math.log2(1 + transaction.transactions_last_hour),
        "is_abroad": float(transaction.is_abroad),
        "is_new_merchant": float(transaction.is_new_merchant),
        "merchant_category": transaction.merchant_category,
        "channel": transaction.channel,
    }
