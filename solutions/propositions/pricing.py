"""Prices as the features see them."""

import math


def log_price(price: float) -> float:
    """log(1 + price): what counts is how many times dearer, not by how much."""
    return math.log1p(price)


def price_of(log_price: float) -> float:
    """The price back."""
    return math.expm1(log_price)
